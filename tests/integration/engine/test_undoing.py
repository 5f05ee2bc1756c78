"""Tools that say themselves what undoes their calls, with real workers, of which one is killed in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support import marker
from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.pages import signed_in
from webapp.agent_sessions.models import Session
from webapp.common.tenancy import tenant_scope
from webapp.workspaces.services import ByUser, read_workspace, save_changes

BOOM = {"id": "boom", "kind": "tool", "tool": "calculator", "arguments": {"expression": "1/0"}}


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> Iterator[None]:
    model_server.reset()
    yield
    model_server.reset()


def act(name: str, *needs: str, undo_delay_s: float = 0) -> dict[str, Any]:
    arguments = {"text": name, "undo_delay_s": undo_delay_s}
    return {"id": name, "kind": "tool", "tool": "undone_marker", "arguments": arguments, "depends_on": list(needs)}


def submit(farm: Farm, cast: Cast, *steps: dict[str, Any], **plan: Any) -> str:
    context = {"plan": {"steps": list(steps), **plan}}
    return farm.submit(cast.owner.api_key, "Carry out the plan", context=context)


def marks(farm: Farm, task: str) -> list[dict[str, Any]]:
    found = marker.marks(Path(farm.env[marker.LOG]))
    return [mark for mark in found if mark["task_id"] == task]


def texts(farm: Farm, task: str) -> list[str]:
    return [mark["text"] for mark in marks(farm, task)]


def test_tools_are_undone_once_in_reverse_order_though_the_worker_dies_in_the_middle(
    connected: Farm, cast: Cast
) -> None:
    slow = {"s2": 2.0}
    acts = [act(f"s{n}", *([f"s{n - 1}"] if n else []), undo_delay_s=slow.get(f"s{n}", 0)) for n in range(5)]
    task = submit(connected, cast, *acts, {**BOOM, "depends_on": ["s4"]}, compensate=True)
    eventually(lambda: "undo s2" in texts(connected, task))
    connected.kill("worker-tools")
    connected.launch("worker-tools")
    done = connected.finished(cast.owner.api_key, task)
    assert done["status"] == "TASK_STATUS_FAILED" and "zero" in done["error"]
    undone = [mark for mark in marks(connected, task) if mark["text"].startswith("undo")]
    by_key = {mark["key"]: mark["text"] for mark in undone}  # a receiver that keeps the key acts once
    assert list(by_key.values()) == [f"undo s{n}" for n in (4, 3, 2, 1, 0)]
    assert [mark["text"] for mark in undone if mark["attempt"] > 1] == ["undo s2"]
    steps = [step for step in connected.steps(cast.owner.api_key, task) if step["compensates"]]
    assert [(step["state"], step["attempt"]) for step in steps] == [("done", 1)] * 2 + [("done", 2)] + [("done", 1)] * 2


def file_call(name: str, tool: str, *needs: str, **arguments: Any) -> dict[str, Any]:
    return {"id": name, "kind": "tool", "tool": tool, "arguments": arguments, "depends_on": list(needs)}


def test_files_are_what_they_were_though_the_worker_dies_while_they_are_given_back(connected: Farm, cast: Cast) -> None:
    """In the middle of them a slow call is undone, so that there is time to kill the worker."""
    with tenant_scope(cast.acme.id):
        session = Session.objects.create(tenant_id=cast.acme.id, user=cast.owner.user, external_id=uuid4().hex)
    before = {"old.md": b"\xff kept", "notes/a.md": b"one two", "notes/b.md": b""}
    by = ByUser(cast.owner.user.id)
    save_changes(tenant=cast.acme.id, session=session.id, by=by, changed=before)
    acts = [
        file_call("write", "file_write", path="old.md", content="new"),
        file_call("edit", "file_edit", "write", path="notes/a.md", old_text="one", new_text="1"),
        act("slow", "edit", undo_delay_s=2.0),
        file_call("delete", "file_delete", "slow", path="notes", recursive=True),
        file_call("again", "file_write", "delete", path="notes/b.md", content="x"),
        {**BOOM, "depends_on": ["again"]},
    ]
    context = {"plan": {"steps": acts, "compensate": True}}
    key = cast.owner.api_key
    task = connected.submit(key, "Carry out the plan", context=context, session_id=session.external_id)
    eventually(lambda: "undo slow" in texts(connected, task))
    connected.kill("worker-tools")
    assert read_workspace(cast.acme.id, session.id) == {**before, "old.md": b"new", "notes/a.md": b"1 two"}
    connected.launch("worker-tools")
    assert connected.finished(key, task)["status"] == "TASK_STATUS_FAILED"
    assert read_workspace(cast.acme.id, session.id) == before
    undone = [step for step in connected.steps(key, task) if step["compensates"]]
    of = {step["n"]: step["agent"] for step in connected.steps(key, task)}
    assert [of[step["compensates"]] for step in undone] == ["again", "delete", "slow", "edit", "write"]
    assert [(step["state"], step["attempt"]) for step in undone] == [("done", 1 + (n == 2)) for n in range(5)]
    page = signed_in(cast.owner).get(f"/tasks/{task}/steps/{undone[0]['n']}").content.decode()
    assert "Undo again: file_undo" in page and "notes/b.md" in page


def test_what_undoes_passes_the_gate_and_is_shown_like_any_step(connected: Farm, cast: Cast) -> None:
    task = submit(connected, cast, act("a"), {**BOOM, "depends_on": ["a"]}, compensate=True)
    connected.finished(cast.owner.api_key, task)
    (step,) = [step for step in connected.steps(cast.owner.api_key, task) if step["compensates"]]
    seen = {
        e["type"]
        for e in connected.events(cast.owner.api_key, task)
        if (e.get("payload") or {}).get("step") == step["n"]
    }
    assert {"POLICY_DECISION", "BUDGET_HELD", "TOOL_INVOKED", "TOOL_OBSERVATION", "BUDGET_SETTLED"} <= seen
    page = signed_in(cast.owner).get(f"/tasks/{task}/steps/{step['n']}").content.decode()
    assert "Undo a: marker" in page and f"?step={step['compensates']}" in page
    acted = signed_in(cast.owner).get(f"/tasks/{task}/steps/{step['compensates']}").content.decode()
    assert "If the task fails" in acted and "Undo a: marker" in acted


def test_calls_of_an_agent_are_undone_where_its_step_asks_for_it(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    calls = [{"name": "undone_marker", "arguments": {"text": text}} for text in ("one", "two")]
    said = [{"tool_calls": calls[:1]}, {"tool_calls": calls[1:]}, {"text": "Both are booked"}]
    model_server.script([{"reply": reply, "times": 1} for reply in said])
    agent = {"id": "booking", "description": "Book both"}
    task = submit(connected, cast, {**agent, "compensate": True}, {**BOOM, "depends_on": ["booking"]})
    connected.finished(cast.owner.api_key, task)
    assert texts(connected, task) == ["one", "two", "undo two", "undo one"]
    model_server.reset()
    model_server.script([{"reply": reply, "times": 1} for reply in (said[0], said[2])])
    task = submit(connected, cast, agent, {**BOOM, "depends_on": ["booking"]})
    connected.finished(cast.owner.api_key, task)
    assert texts(connected, task) == ["one"], "nobody asked"


def test_a_plan_says_by_the_kind_of_tool_what_a_failure_means(connected: Farm, cast: Cast) -> None:
    code = {"id": "code", "kind": "tool", "tool": "python_executor", "arguments": {"code": "1/0"}}
    task = submit(connected, cast, code, on_failure={"code_execution": "go_on"})
    done = connected.finished(cast.owner.api_key, task)
    assert done["status"] == "TASK_STATUS_COMPLETED" and "ZeroDivisionError" in done["result"]
    task = submit(connected, cast, {**code, "tries": 2}, on_failure={"code_execution": "retry"})
    done = connected.finished(cast.owner.api_key, task)
    assert done["status"] == "TASK_STATUS_FAILED"
    types = [event["type"] for event in connected.events(cast.owner.api_key, task)]
    assert types.count("STEP_RETRYING") == 1 and types.count("TOOL_INVOKED") == 2
