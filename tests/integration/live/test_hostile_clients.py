"""Clients that take nothing, knock too often or come back when all is over: each costs little and not for long."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from functools import partial

import psutil
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
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


class Stream:
    """Server-sent events, read as far as the head."""

    async def open(self, farm: Farm, key: str, task: str) -> int:
        self._source, self._sink = await asyncio.open_connection("127.0.0.1", farm.port)
        head = [f"GET /api/v1/stream/sse?workflow_id={task} HTTP/1.1", "Host: localhost", f"X-API-Key: {key}"]
        self._sink.write("\r\n".join([*head, "", ""]).encode())
        self.status = int((await self._source.readuntil(b"\r\n\r\n")).split()[1])
        if self.status == 200:
            try:
                await self._source.readuntil(b": connected")
            except asyncio.IncompleteReadError:  # somebody was faster
                self.status = 429
        return self.status

    def leave(self) -> None:
        self._sink.transport.abort()


async def test_streams_of_one_person_are_counted_with_their_sockets_and_make_room_again(farm: Farm) -> None:
    cast = await asyncio.to_thread(make_cast)  # nobody else's streams are counted here
    key, waits = cast.user.api_key, {"plan": {"steps": [{"id": "a", "kind": "wait", "delay_s": 120}]}}
    task = await asyncio.to_thread(partial(farm.submit, key, "Wait", context=waits))
    ws = await connect(f"ws://127.0.0.1:{farm.port}/api/v1/stream/ws/tenant", additional_headers={"X-API-Key": key})
    streams = [Stream() for _ in range(SOCKETS)]
    opened = [await stream.open(farm, key, task) for stream in streams]
    assert opened == [200] * (SOCKETS - 1) + [429]
    assert await Stream().open(farm, cast.owner.api_key, task) == 200, "another person's are counted apart"
    async with (
        create_mcp_http_client(headers={"X-API-Key": key}) as http,
        Client(streamable_http_client(f"{farm.url}/mcp", http_client=http)) as mcp,
    ):
        waited = await mcp.call_tool("get_task", {"task_id": task, "wait_s": 60})
        assert waited.is_error and waited.structured_content["error"]["code"] == "too_many_open"
        looked = await mcp.call_tool("get_task", {"task_id": task})
        assert not looked.is_error, "to look takes no place"
    for stream in streams[:5]:
        stream.leave()
    async with asyncio.timeout(30):
        while await Stream().open(farm, key, task) != 200:
            await asyncio.sleep(0.1)
    await ws.close()


async def test_streams_that_knock_all_at_once_get_no_more_places(farm: Farm) -> None:
    cast = await asyncio.to_thread(make_cast)
    key, waits = cast.user.api_key, {"plan": {"steps": [{"id": "a", "kind": "wait", "delay_s": 120}]}}
    task = await asyncio.to_thread(partial(farm.submit, key, "Wait", context=waits))
    streams = [Stream() for _ in range(60)]
    opened = await asyncio.gather(*(stream.open(farm, key, task) for stream in streams))
    for stream in streams:
        stream.leave()
    assert sorted(opened) == [200] * SOCKETS + [429] * 40


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
