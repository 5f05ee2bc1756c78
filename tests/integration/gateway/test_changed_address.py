"""A provider's address is changed while a call runs: that one ends where it was sent, the next goes to the new one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.farm import eventually
from tests.support.model_server.server import ModelServer
from workers.gateway.catalogue import CatalogueFile
from workers.gateway.clients import FollowedClients
from workers.gateway.complete import Gateway
from workers.gateway.providers import build_provider

from .conftest import SHIPPED


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.stop()


async def test_a_changed_address_is_the_next_calls(server, elsewhere, protocol, ask, tmp_path: Path) -> None:
    environ = {**protocol.environ(server), f"{protocol.provider.upper()}_API_KEY": "sk-acme-0123456789"}
    file = tmp_path / "catalogue.yaml"
    file.write_text(SHIPPED.read_text())
    followed = CatalogueFile(file, environ)
    gateway = Gateway(followed.current(), FollowedClients(followed.current, build_provider), current=followed.current)
    elsewhere.reset()
    try:
        with server.held():
            running = asyncio.create_task(gateway.complete(ask()))
            await asyncio.to_thread(eventually, lambda: len(server.log()) == 1)
            environ |= protocol.environ(elsewhere)
            os.utime(file, ns=(1, 1))
            assert (await gateway.complete(ask())).text
            assert (len(server.log()), len(elsewhere.log())) == (1, 1) and not running.done()
        assert (await running).text
    finally:
        await gateway.close()
