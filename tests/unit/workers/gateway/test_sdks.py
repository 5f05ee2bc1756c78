"""Providers' SDKs are imported beside the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from workers.gateway import sdks


async def test_calls_go_on_while_an_sdk_is_imported_and_it_is_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    release, imported = threading.Event(), list[str]()

    def slowly(protocol: str) -> None:
        release.wait(10)
        imported.append(protocol)

    monkeypatch.setattr(sdks, "sdk_of", slowly)
    monkeypatch.setattr(sdks, "_loaded", {"offline"})
    loading = asyncio.create_task(sdks.sdk_loaded("anthropic"))
    await asyncio.sleep(0.01)
    assert not loading.done() and not imported
    await sdks.sdk_loaded("offline")
    release.set()
    await loading
    await sdks.sdk_loaded("anthropic")
    assert imported == ["anthropic"]
