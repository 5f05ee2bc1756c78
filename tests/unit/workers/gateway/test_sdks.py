"""Providers' SDKs are imported beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from workers.gateway import sdks


async def test_calls_go_on_while_an_sdk_is_imported_and_it_is_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    release, imported = threading.Event(), list[str]()

    def slowly(name: str) -> None:
        release.wait(10)
        imported.append(name)

    monkeypatch.setattr(sdks, "import_module", slowly)
    monkeypatch.setattr(sdks, "_loaded", set())
    loading = asyncio.create_task(sdks.sdk_loaded("anthropic"))
    await asyncio.sleep(0.01)
    assert not loading.done() and not imported
    await sdks.sdk_loaded("offline")
    release.set()
    await loading
    await sdks.sdk_loaded("anthropic")
    assert imported == [sdks.ANTHROPIC]


@pytest.mark.parametrize("protocol", sdks.MODULES)
async def test_each_protocol_has_its_module(protocol: str) -> None:
    await sdks.sdk_loaded(protocol)
