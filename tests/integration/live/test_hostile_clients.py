"""Clients that take nothing, knock too often or come back when all is over: each costs little and not for long."""

from __future__ import annotations

import asyncio
import base64
import os
import socket

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.cast import Cast, make_cast
from tests.support.farm import Farm, eventually
from webapp.progress.models import Event

SOCKETS = 20
QUESTION = "What is (12.5 + 7.5) * 3?"


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def ended_task(farm: Farm, key: str) -> str:
    task = farm.submit(key, QUESTION)
    farm.finished(key, task)
    return task


def takes_nothing(farm: Farm, key: str, path: str, over: str) -> socket.socket:
    """Connected, and never read from."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", farm.port))
    head = [f"GET {path} HTTP/1.1", "Host: localhost", f"X-API-Key: {key}"]
    if over == "ws":
        nonce = base64.b64encode(os.urandom(16)).decode()
        head += [
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {nonce}",
            "Sec-WebSocket-Version: 13",
        ]
    client.sendall("\r\n".join([*head, "", ""]).encode())
    return client


def is_held(farm: Farm, client: socket.socket) -> bool:
    """Asked of the server: whoever reads nothing does not learn that the connection is gone."""
    port = client.getsockname()[1]
    held = psutil.Process(farm.processes["web"].pid).net_connections("tcp")
    return any(connection.raddr and connection.raddr.port == port for connection in held)


@pytest.mark.parametrize("over", ["ws", "sse"])
def test_a_client_that_takes_nothing_is_cut_off(farm: Farm, cast: Cast, over: str) -> None:
    task = ended_task(farm, cast.owner.api_key)
    Event.objects.using("system").filter(task_id=task).update(message="x" * 1_000_000)
    with takes_nothing(farm, cast.owner.api_key, f"/api/v1/stream/{over}?workflow_id={task}", over) as client:
        eventually(lambda: is_held(farm, client))
        eventually(lambda: not is_held(farm, client), within_s=60)


def test_who_comes_back_after_the_end_is_sent_away(farm: Farm, cast: Cast) -> None:
    task = ended_task(farm, cast.owner.api_key)
    last = farm.events(cast.owner.api_key, task)[-1]["seq"]

    async def told() -> int:
        address = f"ws://127.0.0.1:{farm.port}/api/v1/stream/ws?workflow_id={task}&last_event_id={last}"
        async with asyncio.timeout(30), connect(address, additional_headers={"X-API-Key": cast.owner.api_key}) as ws:
            assert [m async for m in ws] == []
            assert ws.close_code is not None
            return ws.close_code

    assert asyncio.run(told()) == 1000


def test_a_key_in_the_address_is_not_logged(farm: Farm, cast: Cast) -> None:
    task = ended_task(farm, cast.owner.api_key)

    async def follow() -> None:
        async with connect(
            f"ws://127.0.0.1:{farm.port}/api/v1/stream/ws?workflow_id={task}&api_key={cast.owner.api_key}"
        ) as ws:
            async for _ in ws:
                pass

    asyncio.run(follow())
    assert cast.owner.api_key not in (farm.folder / "web.log").read_text()


async def test_knocking_all_at_once_opens_no_more_sockets_than_one_by_one(farm: Farm, cast: Cast) -> None:
    async def knock() -> object:
        try:
            return await connect(
                f"ws://127.0.0.1:{farm.port}/api/v1/stream/ws/tenant",
                additional_headers={"X-API-Key": cast.stranger.api_key},
                open_timeout=60,
            )
        except InvalidStatus as refused:
            assert refused.response.status_code == 429
            return None

    opened = [found for found in await asyncio.gather(*(knock() for _ in range(60))) if found]
    for ws in opened:
        await ws.close()
    assert len(opened) == SOCKETS
