"""The tools over the API: which there are, and calls of them without an agent, through the same gate as an agent's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from shannon import AsyncShannonClient, errors

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.marker import marks
from webapp.agent_tasks.models import Step, Task
from webapp.api.tool_calls import answer_of, ended
from webapp.budgets.models import Envelope
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze, PolicyDecision
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.tool_runs import run_tool
from webapp.orchestration.tools import find_tool
from webapp.progress.hub import in_thread
from webapp.tool_modules.models import ModuleVersion, State, ToolModule

SUM = {"arguments": {"expression": "6 * 7"}}


def execute(farm: Farm, key: str, tool: str, body: Any) -> tuple[int, Any]:
    return farm.call(key, f"/api/v1/tools/{tool}/execute", body)


def steps_of(cast: Cast, task: str) -> list[Step]:
    with tenant_scope(cast.acme.id):
        return list(Step.objects.filter(task_id=task).order_by("n"))


# --- which there are ---


def test_workers_tell_which_tools_there_are(connected: Farm, cast: Cast) -> None:
    status, tools = connected.call(cast.user.api_key, "/api/v1/tools")
    names = [tool["name"] for tool in tools]
    assert status == 200 and {"calculator", "python_executor", "marker"} <= set(names)
    assert set(tools[0]) == {"name", "description", "parameters"}
    _, some = connected.call(cast.user.api_key, "/api/v1/tools?category=calculation")
    assert "calculator" in [tool["name"] for tool in some] and "marker" not in [tool["name"] for tool in some]
    status, one = connected.call(cast.user.api_key, "/api/v1/tools/python_executor")
    assert status == 200 and one["permissions"] == ["code_execution"] and one["effect"] == "computes"
    assert one["timeout_seconds"] > 0 and one["cost_per_use"] == 0 and one["version"]
    assert connected.call(cast.user.api_key, "/api/v1/tools/no_such")[0] == 404


def test_a_tenants_own_are_listed_for_its_people_alone(connected: Farm, cast: Cast) -> None:
    name = f"own_{uuid4().hex[:8]}"
    with tenant_scope(cast.acme.id):
        module = ToolModule.objects.create(tenant=cast.acme, name=name, active=1)
        ModuleVersion.objects.create(
            tenant=cast.acme, module=module, number=1, description="Ours.", wasm=b"", sha256="0" * 64, size_bytes=0,
            parameters={"type": "object"}, state=State.READY, created_by="a@example.com",
        )  # fmt: skip
    try:
        own = connected.call(cast.user.api_key, f"/api/v1/tools/{name}")[1]
        assert (own["origin"], own["permissions"], own["category"]) == ("module", ["code_execution"], "code")
        assert connected.call(cast.stranger.api_key, f"/api/v1/tools/{name}")[0] == 404
        theirs = connected.call(cast.stranger.api_key, "/api/v1/tools")[1]
        assert name not in [tool["name"] for tool in theirs]
        assert execute(connected, cast.stranger.api_key, name, {})[0] == 404
    finally:
        with tenant_scope(cast.acme.id):
            module.delete()


# --- a call ---


def test_a_call_is_answered_and_recorded_like_an_agents(connected: Farm, cast: Cast) -> None:
    status, body = execute(connected, cast.user.api_key, "calculator", SUM)
    assert status == 200, body
    assert (body["success"], body["output"], body["text"], body["error"]) == (True, {"value": "42"}, "42", None)
    assert body["usage"] == {"tokens": 100, "cost_usd": 0.0} and body["execution_time_ms"] >= 0
    task = body["metadata"]["task_id"]
    with tenant_scope(cast.acme.id):
        row = Task.objects.get(id=task)
        decision = PolicyDecision.objects.get(task_id=task)
    assert (row.state, row.result, row.steps) == ("completed", "42", 1)
    assert (decision.point, decision.subject, decision.effect) == ("tool_call", "calculator", "allow")
    types = {event["type"] for event in connected.events(cast.user.api_key, task)}
    assert {"TOOL_INVOKED", "TOOL_OBSERVATION", "BUDGET_HELD", "BUDGET_SETTLED", "WORKFLOW_COMPLETED"} <= types
    assert connected.call(cast.stranger.api_key, f"/api/v1/tasks/{task}")[0] == 404


def test_a_tool_that_acts_is_decided_on_before_and_acts_once(connected: Farm, cast: Cast) -> None:
    text = uuid4().hex
    status, body = execute(connected, cast.admin.api_key, "marker", {"arguments": {"text": text}})
    assert status == 200 and body["output"] == {"marked": text}
    task = body["metadata"]["task_id"]
    assert [step.kind for step in steps_of(cast, task)] == ["policy.tool", "tools.call"]
    log = Path(connected.env["HARTLEY_MARKER_LOG"])
    assert len([mark for mark in marks(log) if mark["text"] == text]) == 1
    status, body = execute(connected, cast.user.api_key, "marker", {"arguments": {"text": text}})
    assert (status, body["code"]) == (403, "policy.denied")
    assert len([mark for mark in marks(log) if mark["text"] == text]) == 1


def test_with_a_key_a_repetition_is_the_same_call_also_at_the_same_moment(connected: Farm, cast: Cast) -> None:
    text, key = uuid4().hex, uuid4().hex

    def call(person: str, text: str) -> tuple[int, Any, dict[str, str]]:
        body, headers = json.dumps({"arguments": {"text": text, "delay_s": 0.3}}), {"X-API-Key": person}
        asking = HTTPConnection("127.0.0.1", connected.port, timeout=30)
        asking.request("POST", "/api/v1/tools/marker/execute", body, {**headers, "Idempotency-Key": key})
        answer = asking.getresponse()
        return answer.status, json.load(answer), dict(answer.getheaders())

    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: call(cast.admin.api_key, text), range(4)), call(cast.admin.api_key, text)]
    assert {status for status, _, _ in answers} == {200}
    assert len({body["metadata"]["task_id"] for _, body, _ in answers}) == 1
    assert answers[-1][2]["x-idempotency-cached"] == "true" and answers[-1][2]["x-idempotency-key"] == key
    log = Path(connected.env["HARTLEY_MARKER_LOG"])
    assert len([mark for mark in marks(log) if mark["text"] == text]) == 1
    other = call(cast.admin.api_key, uuid4().hex)
    assert other[1]["metadata"]["task_id"] != answers[0][1]["metadata"]["task_id"], "another body is another request"
    assert call(cast.owner.api_key, text)[1]["metadata"]["task_id"] != answers[0][1]["metadata"]["task_id"]
    denied = [call(cast.user.api_key, text) for _ in range(2)]
    assert [status for status, _, _ in denied] == [403, 403]
    assert len([mark for mark in marks(log) if mark["text"] == text]) == 2, "the owner's"


def test_a_tool_that_fails_is_an_answer(connected: Farm, cast: Cast) -> None:
    status, body = execute(connected, cast.user.api_key, "calculator", {"arguments": {"expression": "1 / 0"}})
    assert (status, body["success"], body["output"]) == (200, False, None)
    assert "zero" in body["error"] and body["metadata"]["error_code"] == "calculator.refused"
    with tenant_scope(cast.acme.id):
        assert Task.objects.get(id=body["metadata"]["task_id"]).state == "failed"


def test_the_sessions_files_come_along(connected: Farm, cast: Cast) -> None:
    key, session = cast.operator.api_key, uuid4().hex
    code = "open('/workspace/note.txt', 'w').write('kept')"
    first = execute(connected, key, "python_executor", {"arguments": {"code": code}, "session_id": session})
    assert first[0] == 200 and first[1]["success"], first
    code = "print(open('/workspace/note.txt').read())"
    _, body = execute(connected, key, "python_executor", {"arguments": {"code": code}, "session_id": session})
    assert body["text"].strip() == "kept", body


# --- refusals ---


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"arguments": {}}, "expression"),
        ({"arguments": {"expression": 1}}, "expression"),
        ({"arguments": {"expression": "1", "more": 1}}, "more"),
        ({"arguments": [1]}, "arguments"),
        ({"arguments": {"expression": "1"}, "session_id": "a b"}, "session_id"),
        ([], "body"),
    ],
)
def test_bad_arguments_are_400_name_the_field_and_cost_nothing(
    connected: Farm, cast: Cast, body: Any, named: str
) -> None:
    status, answer = execute(connected, cast.user.api_key, "calculator", body)
    assert status == 400 and named in answer["error"], answer
    with tenant_scope(cast.acme.id):
        last = Task.objects.filter(user_id=cast.user.user.id).order_by("-id")[0]
    assert (last.state, last.cost_usd) != ("running", 0)
    types = {event["type"] for event in connected.events(cast.user.api_key, str(last.id))}
    assert answer["code"] == "invalid" or not types & {"BUDGET_HELD", "TOOL_INVOKED"}


def test_without_the_permission_it_is_403_and_an_unknown_tool_404(connected: Farm, cast: Cast) -> None:
    status, body = execute(connected, cast.user.api_key, "python_executor", {"arguments": {"code": "1"}})
    assert (status, body["code"]) == (403, "policy.denied")
    assert execute(connected, cast.user.api_key, "no_such", {})[0] == 404


def test_a_spent_budget_is_402(connected: Farm, cast: Cast) -> None:
    session = uuid4().hex
    asked = {**SUM, "session_id": session}
    task = execute(connected, cast.user.api_key, "calculator", asked)[1]["metadata"]["task_id"]
    with tenant_scope(cast.acme.id):
        Envelope.objects.filter(level="session", owner_id=Task.objects.get(id=task).session_id).update(
            tool_calls_limit=1
        )
    status, body = execute(connected, cast.user.api_key, "calculator", asked)
    assert (status, body["code"]) == (402, "budget.exceeded")


def test_who_leaves_cancels(connected: Farm, cast: Cast) -> None:
    connection, text = HTTPConnection("127.0.0.1", connected.port, timeout=30), uuid4().hex
    asked = json.dumps({"arguments": {"text": text, "delay_s": 60}})
    connection.request("POST", "/api/v1/tools/marker/execute", asked, {"X-API-Key": cast.admin.api_key})
    log = Path(connected.env["HARTLEY_MARKER_LOG"])
    mark = eventually(lambda: next((each for each in marks(log) if each["text"] == text), None))
    connection.sock.close()
    connection.close()

    def state() -> str:
        with tenant_scope(cast.acme.id):
            task = Task.objects.get(id=mark["task_id"])
        return task.cancel_reason if task.state == "cancelled" else ""

    assert eventually(state) == "The client left"


async def test_when_its_time_is_over_it_is_504_and_cancelled(connected: Farm, cast: Cast, settings: Any) -> None:
    settings.TOOL_WAIT_S = settings.SSE_POLL_S = 0.3
    who = cast.admin.principal

    def begun() -> Task:
        with tenant_scope(cast.acme.id):
            tool = find_tool(cast.acme.id, "marker")
        return run_tool(principal=who, tool=tool, arguments={"text": uuid4().hex, "delay_s": 60}, session=None)

    task = await in_thread(begun)
    refused = answer_of(task, await ended(who, task.id))
    assert not isinstance(refused, dict) and (refused.status, refused.code) == (504, "tool.timeout")
    assert connected.call(cast.admin.api_key, f"/api/v1/tasks/{task.id}")[1]["status"] in (
        "TASK_STATUS_CANCELLED", "TASK_STATUS_TIMEOUT",
    )  # fmt: skip


@pytest.mark.parametrize("tool", ["calculator", "marker"])
async def test_what_is_frozen_after_it_was_submitted_is_said_at_once_and_cancelled(
    tool: str, connected: Farm, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a policy step before it, which waits first, and without one."""
    who = cast.admin.principal
    monkeypatch.setattr("webapp.orchestration.tool_runs.check_not_frozen", lambda tenant, tool: None)

    def begun() -> tuple[Freeze, Task]:
        with tenant_scope(cast.acme.id):
            kept = freeze(actor=cast.admin.user, kind="tool", subject=tool, reason="for a test")
            known = find_tool(cast.acme.id, tool)
        arguments = SUM["arguments"] if tool == "calculator" else {"text": "never"}
        return kept, run_tool(principal=who, tool=known, arguments=arguments, session=None)

    kept, task = await in_thread(begun)
    try:
        async with asyncio.timeout(20):  # of 120 that a call is waited for
            refused = answer_of(task, await ended(who, task.id))
        assert not isinstance(refused, dict) and (refused.status, refused.code) == (409, "tool.frozen")
        assert f"tool {tool}" in refused.message and "for a test. Nothing was called" in refused.message
        assert connected.finished(cast.admin.api_key, str(task.id))["status"] == "TASK_STATUS_CANCELLED"
    finally:
        await in_thread(lambda: thaw_it(cast, kept))


def thaw_it(cast: Cast, kept: Freeze) -> None:
    with tenant_scope(cast.acme.id):
        thaw(actor=cast.admin.user, frozen=[kept])


# --- the official client ---


async def test_the_official_client_lists_looks_at_and_executes(connected: Farm, cast: Cast) -> None:
    async with AsyncShannonClient(base_url=connected.url, api_key=cast.user.api_key) as client:
        listed = await client.list_tools(category="calculation")
        assert "calculator" in [tool.name for tool in listed] and listed[0].parameters["type"] == "object"
        detail = await client.get_tool("calculator")
        assert (detail.category, detail.cost_per_use) == ("calculation", 0.0) and detail.timeout_seconds
        done = await client.execute_tool("calculator", arguments={"expression": "6 * 7"}, session_id=uuid4().hex)
        assert (done.success, done.output, done.text) == (True, {"value": "42"}, "42")
        assert done.usage and done.usage.tokens == 100 and done.metadata["task_id"]
        failed = await client.execute_tool("calculator", arguments={"expression": "1 / 0"})
        assert not failed.success and "zero" in (failed.error or "")
        with pytest.raises(errors.ShannonError, match="expression"):
            await client.execute_tool("calculator", arguments={})
        with pytest.raises(errors.ShannonError):
            await client.get_tool("no_such")


def test_the_official_command_line_lists_looks_at_and_executes(connected: Farm, cast: Cast) -> None:
    def shannon(*words: str) -> tuple[int, str]:
        at = ["--base-url", connected.url, "--api-key", cast.user.api_key]
        done = subprocess.run(
            [sys.executable, "-m", "shannon.cli", *at, *words], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout

    assert "calculator" in shannon("tools-list", "--category", "calculation")[1]
    assert "Category: calculation" in shannon("tool-get", "calculator")[1]
    status, told = shannon("tool-exec", "calculator", "--arguments", '{"expression": "6 * 7"}')
    assert status == 0 and "Success: True" in told and "Text: 42" in told and "Usage tokens: 100" in told
    status, told = shannon("tool-exec", "calculator", "--arguments", '{"expression": "1 / 0"}')
    assert status == 1 and "Success: False" in told
