"""A server of the SDK's own, in the newest version of the protocol, which has no sessions and cancels by hanging up."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from mcp.server.mcpserver import Context, MCPServer

from webapp.common.addresses import Reach
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.results import result_of
from workers.toolbox.mcp.server import HttpServer


@dataclass
class Newest:
    port: int
    begun: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def app(self) -> MCPServer:
        server = MCPServer("newest")

        @server.tool()
        def add(a: int, b: int) -> int:
            return a + b

        @server.tool()
        async def wait() -> str:
            self.begun.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
            return "done"

        @server.tool()
        async def grow(context: Context) -> str:
            await context.notify_tools_changed()
            return "grown"

        return server


@pytest.fixture
def newest() -> Iterator[Newest]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    made = Newest(sock.getsockname()[1])
    running = uvicorn.Server(uvicorn.Config(made.app().streamable_http_app(), log_config=None, lifespan="on"))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [sock]})
    thread.start()
    deadline = time.monotonic() + 30
    while not running.started:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield made
    running.should_exit = True
    thread.join(5)


@pytest.fixture
async def kept(newest: Newest) -> AsyncIterator[tuple[Connections, HttpServer, list[str]]]:
    told: list[str] = []
    reach = Reach.of(ports=[newest.port], plain_http=True, allow=["127.0.0.1"])
    connections = Connections(reach=lambda: reach, folder=Path("/nowhere"), changed=told.append)
    yield connections, HttpServer("acme", f"http://127.0.0.1:{newest.port}/mcp", {}, 5), told
    await connections.close()


async def until(check: Callable[[], object], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.01)


async def test_it_is_called_cancelled_and_listened_to(
    newest: Newest, kept: tuple[Connections, HttpServer, list[str]]
) -> None:
    connections, server, told = kept
    assert {tool.name for tool in await connections.tools(server)} == {"add", "wait", "grow"}
    answer = await connections.call(server, "add", {"a": 40, "b": 2})
    assert result_of(answer).output["value"] == {"result": 42}
    call = asyncio.create_task(connections.call(server, "wait", {}))
    await until(newest.begun.is_set)
    call.cancel()
    await until(newest.cancelled.is_set)

    async def grown() -> bool:
        await connections.call(server, "grow", {})
        await asyncio.sleep(0.05)
        return bool(told)

    async with asyncio.timeout(30):  # it listens from soon after the beginning
        while not await grown():
            pass
    assert set(told) == {"acme"}
