"""Servers over HTTP, on real sockets: the guard stands before each request, and every answer has an end."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.receiver import Received, Receiver
from tests.support.rogue_mcp import answer, tool
from webapp.common.addresses import AddressRefused, Reach
from workers.toolbox.mcp import http
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.server import HttpServer

Said = int | tuple[int, dict[str, str], bytes]
SECRET = "Bearer of-acme-alone"
JSON = {"Content-Type": "application/json"}


class Server(Receiver):
    """Attributes: habit: what it says instead of an answer, or None for the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions, self.habit = 0, lambda message: None
        self.answer = self._answer

    habit: Callable[[dict[str, Any]], Said | None]

    def _answer(self, got: Received) -> Said:
        if not got.raw:
            return 405
        message = json.loads(got.raw)
        said = self.habit(message)
        if said is not None:
            return said
        made, headers = answer(message, [tool("echo")]), dict(JSON)
        if message["method"] == "initialize":
            self.sessions += 1
            headers["Mcp-Session-Id"] = str(self.sessions)
        return (200, headers, json.dumps(made).encode()) if made else 202

    def asked(self, method: str) -> list[Received]:
        return [got for got in list(self.received) if got.raw and got.body["method"] == method]


def at_calls(said: Said) -> Callable[[dict[str, Any]], Said | None]:
    return lambda message: said if message["method"] == "tools/call" else None


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


def connections(server: Server, *, allow: tuple[str, ...] = ("127.0.0.1",)) -> Connections:
    reach = Reach.of(ports=[80, server.port], plain_http=True, allow=allow)
    return Connections(reach=lambda: reach, folder=Path("/nowhere"))


@pytest.fixture
async def kept(server: Server) -> AsyncIterator[Connections]:
    made = connections(server)
    yield made
    await made.close()


def at(server: Server, timeout_s: float = 5) -> HttpServer:
    return HttpServer("acme", server.url("/mcp"), {"Authorization": SECRET}, timeout_s)


async def test_calls_share_a_session_and_each_is_signed_in(server: Server, kept: Connections) -> None:
    assert [tool.name for tool in await kept.tools(at(server))] == ["echo"]
    await asyncio.gather(*(kept.call(at(server), "echo", {"n": n}) for n in range(3)))
    assert server.sessions == 1
    assert {got.headers.get("mcp-session-id") for got in server.asked("tools/call")} == {"1"}
    assert {got.headers["authorization"] for got in server.received} == {SECRET}


async def test_a_session_that_the_server_forgot_is_made_anew_and_the_call_runs_once(
    server: Server, kept: Connections
) -> None:
    await kept.call(at(server), "echo", {})
    ran: list[str] = []

    def forgets(message: dict[str, Any]) -> Said | None:
        if message["method"] == "tools/call" and server.sessions < 2:
            return 404, JSON, b""
        ran.append(message["method"])
        return None

    server.habit = forgets
    await kept.call(at(server), "echo", {})
    assert server.sessions == 2 and ran.count("tools/call") == 1


async def test_one_that_forgets_every_session_is_asked_twice_and_not_for_ever(
    server: Server, kept: Connections
) -> None:
    server.habit = at_calls((404, JSON, b""))
    with pytest.raises(McpFailed):
        await kept.call(at(server), "echo", {})
    assert len(server.asked("tools/call")) == 2


@pytest.mark.parametrize(
    "to", ["http://10.0.0.1/mcp", "http://169.254.169.254/latest", "file:///etc/passwd", "http://localhost:{port}/mcp"]
)
async def test_no_redirect_leads_anywhere_else(server: Server, kept: Connections, to: str) -> None:
    location = {"Location": to.format(port=server.port)}
    server.habit = lambda message: (307, location, b"")
    with pytest.raises(McpFailed):
        await kept.tools(at(server))
    assert {got.path for got in server.received} == {"/mcp"}


async def test_an_inner_address_is_not_asked_whatever_it_is_called(server: Server) -> None:
    made = connections(server, allow=())
    for address in (
        server.url("/mcp"),
        "http://10.0.0.1/",
        "http://127.1/",
        f"http://user:pass@example.com:{server.port}/",
    ):
        with pytest.raises(AddressRefused):
            await made.tools(HttpServer("acme", address))
    await made.close()
    assert server.received == []


async def test_proxies_of_the_environment_are_not_used(
    server: Server, kept: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await kept.tools(at(server))


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
async def test_an_answer_without_an_end_ends(
    server: Server, kept: Connections, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ANSWER_BYTES", 100_000)
    server.habit = at_calls((200, {"Content-Type": kind}, b"data: " + b"x" * 300_000))
    with pytest.raises(McpFailed):
        await kept.call(at(server), "echo", {})
    server.habit = lambda message: None
    await kept.call(at(server), "echo", {})


@pytest.mark.parametrize(
    ("kind", "said"),
    [("application/json", b"[[]" + b",[]" * 600_000 + b"]"), ("text/event-stream", b"data: {}\n\n" * 20_000)],
)
async def test_an_answer_of_too_many_parts_is_not_read(
    server: Server, kept: Connections, kind: str, said: bytes
) -> None:
    """Its bytes would be allowed; what they become in memory would not."""
    server.habit = at_calls((200, {"Content-Type": kind}, said))
    with pytest.raises(McpFailed):
        await kept.call(at(server), "echo", {})
    server.habit = lambda message: None
    await kept.call(at(server), "echo", {})


async def test_what_was_packed_is_not_unpacked(server: Server, kept: Connections) -> None:
    packed = gzip.compress(b"0" * 1_000_000)
    server.habit = at_calls((200, {**JSON, "Content-Encoding": "gzip"}, packed))
    with pytest.raises(McpFailed):
        await kept.call(at(server), "echo", {})
    assert {got.headers["accept-encoding"] for got in server.received} == {"identity"}


async def test_no_answer_in_time_leaves_open_whether_it_acted(server: Server, kept: Connections) -> None:
    late = threading.Event()

    def waits(message: dict[str, Any]) -> Said | None:
        if message["method"] == "tools/call":
            late.wait(5)
        return None

    server.habit = waits
    with pytest.raises(McpOutcomeUnknown):
        await kept.call(at(server, timeout_s=0.3), "echo", {})
    late.set()


async def test_what_can_be_tried_again_is_told_from_what_cannot(server: Server, kept: Connections) -> None:
    for status, error in ((401, McpFailed), (403, McpFailed), (429, McpUnavailable), (503, McpUnavailable)):
        server.habit = at_calls((status, {}, b"the token was " + SECRET.encode()))
        with pytest.raises(error) as failure:
            await kept.call(at(server), "echo", {})
        assert SECRET not in str(failure.value)
    server.habit = at_calls((200, {"Content-Type": "text/html"}, b"<html>"))
    with pytest.raises(McpFailed):
        await kept.call(at(server), "echo", {})
    gone = at(server)
    server.stop()
    await kept.close()
    with pytest.raises(McpUnavailable, match="connected"):
        await kept.call(gone, "echo", {})


async def test_an_error_of_the_protocol_is_for_the_agent_and_short(server: Server, kept: Connections) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no " * 10_000}}
    server.habit = at_calls((500, JSON, json.dumps(error).encode()))
    with pytest.raises(McpFailed, match="It refused: no no") as failure:
        await kept.call(at(server), "echo", {})
    assert failure.value.reason == "mcp.error" and len(str(failure.value)) < 3000


async def test_a_secret_is_in_no_line_of_a_log(
    server: Server, kept: Connections, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.habit = at_calls((200, JSON, json.dumps({"not": "JSON-RPC", "said": SECRET}).encode()))
    with pytest.raises(McpFailed):
        await kept.call(at(server), "echo", {"text": "of-the-agent"})
    own = [line for line in caplog.text.splitlines() if "httpcore2" not in line]  # in workers these say nothing
    assert SECRET not in "".join(own) and "of-the-agent" not in caplog.text
    assert SECRET not in repr(at(server)) + repr(kept._kept)
