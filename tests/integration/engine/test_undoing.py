"""Tools that say themselves what undoes their calls, with real workers, of which one is killed in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import marker
from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.pages import signed_in

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
