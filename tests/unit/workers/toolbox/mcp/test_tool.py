"""A server's tool as agents have it: what comes back, what is tried again, and what is kept from being told."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from mcp_types import CallToolResult, Tool

from webapp.common.addresses import AddressRefused, Reach
from webapp.common.encryption import Unsealable
from webapp.tool_sources.in_force import SourceInForce
from workers.toolbox.mcp import tool as the_tool
from workers.toolbox.mcp.connections import Connections
from workers.toolbox.mcp.errors import McpBusy, McpFailed, McpOutcomeUnknown, McpUnavailable
from workers.toolbox.mcp.found import found
from workers.toolbox.mcp.kind import Command, McpSources
from workers.toolbox.mcp.results import result_of
from workers.toolbox.mcp.server import HttpServer, McpServer, ProcessServer
from workers.toolbox.mcp.tool import McpTool
from workers.toolbox.sources import SourceFailed
from workers.toolbox.tool import ToolContext

CONTEXT = ToolContext("acme", "t", 1, 1, "k", {}, None)
SECRET = "of-acme:alone"
PLAIN = {"transport": "http", "command": "", "timeout_s": 10, "rate_per_minute": 60, "dangerous": False, "reads": []}
ECHO = Tool.model_validate({"name": "echo", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}})


class Scripted(Connections):
    """Answers in turn; keeps what it was asked with."""

    def __init__(self, *turns: Any) -> None:
        super().__init__(reach=lambda: Reach(frozenset()), folder=Path("/nowhere"))
        self.turns, self.asked = list(turns), []
        self.asked: list[McpServer]

    async def call(self, server: McpServer, tool: str, arguments: Any) -> CallToolResult:
        self.asked.append(server)
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return said(**turn)


def said(*content: Any, **more: Any) -> CallToolResult:
    return CallToolResult.model_validate({"content": list(content), **more})


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def made(
    connections: Connections, secret: Callable[[], str] = lambda: SECRET, *, auth: Any = None, **more: Any
) -> McpTool:
    settings = {**PLAIN, "auth": auth or {"kind": "bearer"}, **more}
    source = SourceInForce(uuid4(), "mcp", "far", "https://mcp.example.com/x", settings, None, [], 3)
    commands = {"clock": Command(["/bin/clock", "{folder}"], {"TZ": "UTC"}, "TOKEN")}
    return McpSources(connections, commands, lambda *_: None).tool(source, found([ECHO])[0], secret)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(the_tool, "AGAIN_S", (0.0, 0.0))


def test_a_server_that_calls_its_tool_harmless_is_not_believed() -> None:
    tool = made(Scripted(), dangerous=True)
    assert (tool.name, tool.effect, tool.dangerous) == ("far_echo", "acts", True)
    assert tool.untrusted and tool.is_own and tool.remote and tool.version == "3"
    tool = made(Scripted(), dangerous=True, reads=["echo"])
    assert (tool.effect, tool.dangerous) == ("computes", False)


@pytest.mark.parametrize(
    ("auth", "address", "headers"),
    [
        ({"kind": "bearer"}, "", {"Authorization": f"Bearer {SECRET}"}),
        ({"kind": "basic"}, "", {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}),
        ({"kind": "api_key", "in": "header", "name": "X-Key"}, "", {"X-Key": SECRET}),
        ({"kind": "api_key", "in": "query", "name": "key"}, "?key=of-acme%3Aalone", {}),
        ({"kind": "none"}, "", {}),
    ],
)
async def test_each_way_of_signing_in(auth: Any, address: str, headers: dict[str, str]) -> None:
    connections = Scripted({})
    await made(connections, auth=auth).run({}, CONTEXT)
    (server,) = connections.asked
    assert isinstance(server, HttpServer) and SECRET not in repr(server) + repr(connections)
    assert (server.address, dict(server.headers)) == ("https://mcp.example.com/x" + address, headers)


async def test_a_command_is_the_operators_and_gets_the_secret_in_its_environment() -> None:
    connections = Scripted({})
    await made(connections, transport="stdio", command="clock").run({}, CONTEXT)
    (server,) = connections.asked
    assert isinstance(server, ProcessServer) and server.argv == ("/bin/clock", "{folder}")
    assert server.env == {"TZ": "UTC", "TOKEN": SECRET}
    gone = await made(connections, transport="stdio", command="removed").run({}, CONTEXT)
    assert gone.error and gone.error.code == SourceFailed.code and len(connections.asked) == 1


async def test_what_was_not_done_is_tried_thrice_and_what_may_have_been_done_once() -> None:
    away, unknown = McpUnavailable("away"), McpOutcomeUnknown("It broke off")
    for turns, reads, tries, code in (
        ([away, away, {}], [], 3, None),
        ([away, away, away], [], 3, "mcp.unavailable"),
        ([unknown, {}], [], 1, "mcp.outcome_unknown"),
        ([unknown, {}], ["echo"], 2, None),
        ([McpOutcomeUnknown("late", "mcp.timeout"), {}], ["echo"], 1, "mcp.timeout"),
        ([McpBusy("full"), {}], [], 1, "mcp.busy"),
        ([McpFailed("mcp.error", "no"), {}], ["echo"], 1, "mcp.error"),
        ([AddressRefused("inside"), {}], ["echo"], 1, "address.refused"),
    ):
        connections = Scripted(*turns)
        result = await made(connections, reads=reads).run({}, CONTEXT)
        assert (result.error.code if result.error else None, len(connections.asked)) == (code, tries)
        assert bool(result.error and result.error.outage) == (code in OUTAGES)


OUTAGES = ("mcp.unavailable", "mcp.outcome_unknown", "mcp.timeout")


async def test_a_secret_that_comes_back_is_not_passed_on() -> None:
    output = {"content": [text(f"you are {SECRET}")], "structured_content": {SECRET: [SECRET, "alone"]}}
    result = await made(Scripted(output)).run({}, CONTEXT)
    assert SECRET not in json.dumps(result.output) and result.output["value"] == {"[secret]": ["[secret]", "[secret]"]}
    result = await made(Scripted(McpFailed("mcp.error", f"bad {SECRET}"))).run({}, CONTEXT)
    assert result.error and result.error.message == "bad [secret]" and SECRET not in json.dumps(result.output)

    def unreadable() -> str:
        raise Unsealable

    result = await made(Scripted(), unreadable).run({}, CONTEXT)
    assert result.error and result.error.code == "source.secret"


def test_a_value_is_given_once_and_odd_values_are_kept_out() -> None:
    value = {"a": 1, "b": "x\0"}
    result = result_of(said(text(json.dumps(value)), structured_content=value))
    assert "text" in result.output or result.output["value"] == {"a": 1, "b": "x\ufffd"}
    assert result_of(said(text('{"a": 1}'), structured_content={"a": 1})).output == {"ok": True, "value": {"a": 1}}
    assert "value" not in result_of(said(structured_content={"a": float("nan")})).output
    assert len(json.dumps(result_of(said(structured_content={"a": "x" * 10**6})).output)) < 50_000
    assert len(result_of(said(text("x" * 10**6))).output["text"]) < 50_000


def test_a_failure_of_the_tool_is_a_failed_result_with_its_words() -> None:
    result = result_of(said(text("no such table"), is_error=True))
    assert not result.ok and result.error and result.error.message == "no such table"


def test_files_are_artifacts_as_far_as_they_go() -> None:
    small = {"type": "image", "data": base64.b64encode(b"png").decode(), "mimeType": "image/png"}
    odd = {"type": "audio", "data": "no base64!", "mimeType": "audio/wav"}
    blob = {"uri": "file:///a/../../etc/x y.bin", "blob": "eA==", "mimeType": "text/html\r\nX: y"}
    result = result_of(said(small, odd, {"type": "resource", "resource": blob}))
    assert [(a.name, a.media_type, a.data) for a in result.artifacts] == [
        ("file-1.png", "image/png", b"png"),
        ("x-y.bin", "application/octet-stream", b"x"),
    ]
    assert result.output["left_out"].startswith("1 parts")
    large = {**small, "data": base64.b64encode(bytes(9 * 1024 * 1024)).decode()}
    result = result_of(said(*[small] * 30, large))
    assert len(result.artifacts) == 20 and result.output["left_out"].startswith("11 parts")


def test_links_are_told_and_not_followed() -> None:
    link = {"type": "resource_link", "uri": "http://10.0.0.1/", "name": "inner"}
    inline = {"type": "resource", "resource": {"uri": "demo://1", "text": "words"}}
    assert result_of(said(link, inline)).output["resources"] == [
        {"uri": "http://10.0.0.1/", "name": "inner"},
        {"uri": "demo://1", "text": "words"},
    ]
    assert len(result_of(said(*[link] * 500)).output["resources"]) <= 40
