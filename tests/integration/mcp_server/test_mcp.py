"""Hartley as an MCP server, asked by the official client over a real port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from examples.mcp_client import report
from tests.support.cast import Cast, Person
from tests.support.farm import Farm, eventually
from tests.support.marker import marks
from tests.support.model_server import ModelServer
from webapp.agent_tasks.models import Task
from webapp.catalogue.selectors import tools_told
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision
from webapp.progress.hub import in_thread
from webapp.tenants.services import issue_key

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
OFFERED = {"submit_task", "get_task", "list_tasks", "cancel_task"}


@pytest.fixture(scope="module", autouse=True)
def _told(connected: Farm) -> None:
    eventually(lambda: "marker" in [tool["name"] for tool in tools_told().get("tools", [])])


@asynccontextmanager
async def client(farm: Farm, key: str, mode: str = "auto", **headers: str) -> AsyncGenerator[Client, None]:
    given = {"Authorization": f"Bearer {key}", **headers}
    async with create_mcp_http_client(headers=given) as http:
        transport = streamable_http_client(f"{farm.url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as connected:
            yield connected


def tasks_of(cast: Cast, person: Person) -> list[Any]:
    with tenant_scope(cast.acme.id):
        return list(Task.objects.filter(user_id=person.user.id).values_list("id", flat=True))


def decided_for(cast: Cast, person: Person) -> set[str]:
    """The tools whose calls policy has decided on."""
    tasks = tasks_of(cast, person)
    with tenant_scope(cast.acme.id):
        return set(
            PolicyDecision.objects.filter(point="tool_call", task_id__in=tasks).values_list("subject", flat=True)
        )


def key_with(person: Person, *scopes: str) -> str:
    return issue_key(user=person.user, name="mcp", scopes=frozenset(scopes)).secret


def posted(farm: Farm, body: Any = LIST, **headers: str) -> tuple[int, dict[str, str]]:
    accept = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    request = Request(f"{farm.url}/mcp", json.dumps(body).encode(), {**accept, **headers})
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, dict(answer.headers)
    except HTTPError as error:
        with error:
            return error.code, dict(error.headers)


# --- tools ---


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_lists_and_calls_tools_in_either_generation(
    connected: Farm, cast: Cast, mode: str
) -> None:
    async with client(connected, cast.operator.api_key, mode) as mcp:
        assert mcp.server_info and mcp.server_info.name == "hartley" and "submit_task" in (mcp.instructions or "")
        tools = {tool.name: tool for tool in (await mcp.list_tools()).tools}
        assert OFFERED | {"calculator", "python_executor"} <= set(tools)
        assert tools["calculator"].input_schema["required"] == ["expression"]
        assert tools["calculator"].annotations and tools["calculator"].annotations.read_only_hint
        found = await mcp.call_tool("calculator", {"expression": "6 * 7"})
        assert not found.is_error and found.structured_content == {"value": "42"}
        assert found.content[0].text == "42"  # type: ignore[union-attr]
        ran = await mcp.call_tool("python_executor", {"code": "print(sum(range(10)))"})
        assert not ran.is_error and ran.structured_content["stdout"].strip() == "45"
    assert await in_thread(lambda: decided_for(cast, cast.operator)) >= {"calculator", "python_executor"}


async def test_what_goes_wrong_is_a_result_that_says_so(connected: Farm, cast: Cast) -> None:
    async with client(connected, cast.user.api_key) as mcp:
        names = [tool.name for tool in (await mcp.list_tools()).tools]
        assert "calculator" in names and "python_executor" not in names, "a user may not run code"
        for tool, arguments, code, told in (
            ("calculator", {"expression": "1 / 0"}, "calculator.refused", "zero"),
            ("calculator", {}, "tool.arguments_invalid", "expression"),
            ("python_executor", {"code": "1"}, "policy.denied", "code_execution"),
            ("no_such", {}, "not_found", "not found"),
            ("get_task", {"task_id": str(uuid4())}, "not_found", "not found"),
            ("get_task", {"task": 1}, "invalid", "task"),
            ("submit_task", {"query": " "}, "invalid", "query"),
        ):
            found = await mcp.call_tool(tool, arguments)
            assert found.is_error and found.structured_content["error"]["code"] == code, (tool, found)
            assert told in found.content[0].text, found  # type: ignore[union-attr]


async def test_the_sessions_files_come_along_when_the_client_names_one(connected: Farm, cast: Cast) -> None:
    async with client(connected, cast.operator.api_key, **{"X-Session-ID": uuid4().hex}) as mcp:
        await mcp.call_tool("python_executor", {"code": "open('/workspace/a', 'w').write('kept')"})
        found = await mcp.call_tool("python_executor", {"code": "print(open('/workspace/a').read())"})
        assert found.structured_content["stdout"].strip() == "kept"


async def test_a_client_that_leaves_cancels_its_call(connected: Farm, cast: Cast) -> None:
    text, log = uuid4().hex, Path(connected.env["HARTLEY_MARKER_LOG"])
    async with client(connected, cast.admin.api_key) as mcp:
        calling = asyncio.create_task(mcp.call_tool("marker", {"text": text, "delay_s": 60}))
        mark = await in_thread(lambda: eventually(lambda: [each for each in marks(log) if each["text"] == text]))
        calling.cancel()

    def why() -> str:
        with tenant_scope(cast.acme.id):
            task = Task.objects.get(id=mark[0]["task_id"])
        return task.cancel_reason if task.state == "cancelled" else ""

    assert await in_thread(lambda: eventually(why)) == "The client left"


# --- tasks ---


async def test_a_task_is_submitted_and_followed_to_its_end(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.reset()
    model_server.script([{"reply": {"text": "Forty-two."}}])
    async with client(connected, cast.user.api_key) as mcp:
        begun = await mcp.call_tool("submit_task", {"query": "What is 6 * 7?", "mode": "simple"})
        task = begun.structured_content["task_id"]
        found = await mcp.call_tool("get_task", {"task_id": task, "wait_s": 60})
        assert found.structured_content["done"] and found.structured_content["result"] == "Forty-two.", found
        listed = await mcp.call_tool("list_tasks", {"limit": 1})
        assert [row["task_id"] for row in listed.structured_content["tasks"]] == [task]
        late = await mcp.call_tool("cancel_task", {"task_id": task})
        assert late.structured_content == {"task_id": task, "cancelled": False}
    async with client(connected, cast.stranger.api_key) as mcp:
        for tool in ("get_task", "cancel_task"):
            theirs = await mcp.call_tool(tool, {"task_id": task})
            assert theirs.is_error and theirs.structured_content["error"]["code"] == "not_found"
        listed = await mcp.call_tool("list_tasks", {})
        assert task not in json.dumps(listed.structured_content)


async def test_the_example_runs(connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    model_server.reset()
    model_server.script([{"reply": {"text": "Hello from an agent."}}])
    lines = await report(f"{connected.url}/mcp", cast.user.api_key, "Say hello")
    assert any("calculator" in line for line in lines) and lines[-1] == "Hello from an agent."


# --- who may ---


def test_nobody_comes_in_without_a_credential_or_from_elsewhere(connected: Farm, cast: Cast) -> None:
    key = {"Authorization": f"Bearer {cast.user.api_key}"}
    status, headers = posted(connected)
    assert status == 401 and headers["www-authenticate"].startswith("Bearer")
    assert posted(connected, Authorization="Bearer sk_" + "0" * 64)[0] == 401
    assert posted(connected, **key)[0] == 200
    assert posted(connected, **{"X-API-Key": cast.user.api_key})[0] == 200
    assert posted(connected, **key, Host="rebound.example")[0] == 421
    assert posted(connected, **key, Origin="https://evil.example")[0] == 403
    assert posted(connected, **key, Origin="null")[0] == 403
    assert posted(connected, **key, Origin=connected.url)[0] == 200


def test_only_what_fits_is_read(connected: Farm, cast: Cast) -> None:
    request = Request(f"{connected.url}/mcp", headers={"Authorization": f"Bearer {cast.user.api_key}"})
    with pytest.raises(HTTPError) as got:
        urlopen(request, timeout=30)
    assert got.value.code == 405 and got.value.headers["allow"] == "POST"
    too_long = {"Authorization": f"Bearer {cast.user.api_key}", "Content-Length": str(10**9)}
    assert posted(connected, **too_long)[0] == 413


async def test_a_missing_scope_is_named_and_its_tools_are_not_offered(connected: Farm, cast: Cast) -> None:
    reads = await in_thread(lambda: key_with(cast.owner, "workflows:read"))
    before = await in_thread(lambda: tasks_of(cast, cast.owner))
    async with client(connected, reads) as mcp:
        assert {tool.name for tool in (await mcp.list_tools()).tools} == {"get_task", "list_tasks"}
        for tool, scope in (("calculator", "agents:execute"), ("submit_task", "workflows:write")):
            found = await mcp.call_tool(tool, {"expression": "1", "query": "x"})
            assert found.is_error and scope in found.content[0].text  # type: ignore[union-attr]
    assert await in_thread(lambda: tasks_of(cast, cast.owner)) == before
