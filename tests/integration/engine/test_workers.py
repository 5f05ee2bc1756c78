"""Plans, pauses, cancels and compensation with real workers, over the API as clients use it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connections, transaction

from deploy.embedded import programs
from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.pages import signed_in
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.functions import load_engine
from webapp.orchestration.policies import save_module

NO_MARKS = """package hartley.own

import rego.v1

deny contains "no marks today" if input.tool.name == "marker"
"""


def submit(farm: Farm, cast: Cast, *steps: dict[str, Any], **fields: Any) -> str:
    return farm.submit(cast.owner.api_key, "Carry out the plan", context={"plan": {"steps": list(steps)}}, **fields)


def mark(name: str, text: str, *needs: str, delay_s: float = 0, **more: Any) -> dict[str, Any]:
    arguments = {"text": text, "delay_s": delay_s}
    return {"id": name, "kind": "tool", "tool": "marker", "arguments": arguments, "depends_on": list(needs), **more}


def marks(farm: Farm, task: str) -> list[str]:
    path = Path(farm.env["HARTLEY_MARKER_LOG"])
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line["text"] for line in lines if line["task_id"] == task]


def control_state(farm: Farm, cast: Cast, task: str) -> dict[str, Any]:
    status, body = farm.call(cast.owner.api_key, f"/api/v1/tasks/{task}/control-state")
    assert status == 200
    return dict(body)


def steer(farm: Farm, cast: Cast, task: str, verb: str, **body: Any) -> tuple[int, Any]:
    return farm.call(cast.owner.api_key, f"/api/v1/tasks/{task}/{verb}", body, method="POST")


def frozen_for(farm: Farm, cast: Cast, task: str) -> str:
    """Why the first of its steps that a freeze stops does not move."""
    said = [step["why"] or "" for step in farm.steps(cast.owner.api_key, task)]
    return next((why for why in said if why.startswith("Frozen: ")), "")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_workers_go_on_when_a_deploy_replaces_the_functions_that_they_call(connected: Farm, cast: Cast) -> None:
    def run() -> str:
        task = submit(connected, cast, mark("a", "first"), mark("b", "second", "a"))
        return str(connected.finished(cast.owner.api_key, task)["status"])

    assert run() == "TASK_STATUS_COMPLETED"
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(load_engine().sql)
    assert run() == "TASK_STATUS_COMPLETED"


def test_a_plan_of_tools_and_waits_runs_as_its_edges_say(connected: Farm, cast: Cast) -> None:
    task = submit(
        connected,
        cast,
        mark("a", "first"),
        mark("b", "side", delay_s=1),
        {"id": "pause", "kind": "wait", "delay_s": 0.3, "depends_on": ["a"]},
        mark("c", "after the wait", "pause"),
        mark("d", "last", "b", "c"),
    )
    done = connected.finished(cast.owner.api_key, task)
    assert done["status"] == "TASK_STATUS_COMPLETED" and "last" in done["result"]
    steps = {step["agent"]: step for step in connected.steps(cast.owner.api_key, task)}
    assert moment(steps["c"]["started_at"]) < moment(steps["b"]["finished_at"]), "no barrier between branches"
    waited = moment(steps["pause"]["started_at"]) - moment(steps["a"]["finished_at"])
    assert 0.3 <= waited.total_seconds() < 3
    assert marks(connected, task)[-1] == "last" and sorted(marks(connected, task)) == [
        "after the wait", "first", "last", "side",
    ]  # fmt: skip


def test_a_broken_plan_is_refused_by_field_and_step(connected: Farm, cast: Cast) -> None:
    plan = {"steps": [{"id": "a", "kind": "wait", "depends_on": ["b"]}]}
    body = {"query": "x", "context": {"plan": plan}}
    status, answer = connected.call(cast.owner.api_key, "/api/v1/tasks", body)
    assert status == 400 and "context.plan: step a depends on b, which is not in the plan" in json.dumps(answer)


def test_a_step_that_takes_longer_than_its_plan_allows_is_stopped_and_told(connected: Farm, cast: Cast) -> None:
    task = submit(connected, cast, mark("slow", "x", delay_s=30, timeout_s=0.3, tries=1))
    done = connected.finished(cast.owner.api_key, task)
    assert (done["status"], done["error_code"]) == ("TASK_STATUS_FAILED", "step.timeout")


def test_a_deadline_stops_what_runs(connected: Farm, cast: Cast) -> None:
    task = submit(connected, cast, mark("slow", "x", delay_s=30), deadline_s=1)
    done = connected.finished(cast.owner.api_key, task)
    assert (done["status"], done["error_code"]) == ("TASK_STATUS_TIMEOUT", "task.deadline")


def test_what_was_done_is_undone_the_last_first(connected: Farm, cast: Cast) -> None:
    def act(name: str, *needs: str) -> dict[str, Any]:
        undo = {"tool": "marker", "arguments": {"text": f"undo {name}"}}
        return mark(name, f"do {name}", *needs, compensate=undo)

    names = [f"s{n}" for n in range(10)]
    acts = [act(names[0]), *(act(name, before) for before, name in pairwise(names))]
    boom = {
        "id": "boom",
        "kind": "tool",
        "tool": "calculator",
        "arguments": {"expression": "1/0"},
        "depends_on": ["s9"],
    }
    task = submit(connected, cast, *acts, boom)
    done = connected.finished(cast.owner.api_key, task)
    assert done["status"] == "TASK_STATUS_FAILED" and "zero" in done["error"]
    assert marks(connected, task) == [f"do {n}" for n in names] + [f"undo {n}" for n in reversed(names)]
    kinds = [event["type"] for event in connected.events(cast.owner.api_key, task)]
    assert kinds.count("STREAM_END") == 1 and kinds[-1] == "STREAM_END"


def test_code_is_stopped_when_the_tasks_fuel_is_used_up_and_the_ledger_says_what_it_used(
    connected: Farm, cast: Cast
) -> None:
    def code(name: str, text: str, *needs: str) -> dict[str, Any]:
        run = {"tool": "python_executor", "arguments": {"code": text}}
        return {"id": name, "kind": "tool", "depends_on": list(needs), "join": "settled", **run}

    steps = (
        code("small", "sum(range(1000))"),
        code("endless", "while True: pass", "small"),
        code("late", "1", "endless"),
    )
    context = {"plan": {"steps": steps}, "budget": {"fuel": 10**9}}
    task = connected.submit(cast.owner.api_key, "Carry out the plan", context=context)
    done = connected.finished(cast.owner.api_key, task)
    assert done["status"] == "TASK_STATUS_FAILED"
    told = [
        event["payload"]["error"]
        for event in connected.events(cast.owner.api_key, task)
        if event["type"] == "TOOL_OBSERVATION"
    ]
    assert [error and error["code"] for error in told] == [None, "sandbox.fuel", "budget.exceeded"]
    _, ledger = connected.call(cast.owner.api_key, f"/api/v1/ledger?task_id={task}")
    small, endless = (line["fuel"] for line in sorted(ledger["lines"], key=lambda line: line["step"]))
    assert 0 < small < 10**8 and small + endless == 10**9


def test_a_queue_that_no_worker_serves_is_named_until_one_does(connected: Farm, cast: Cast) -> None:
    worker = connected.processes["worker-llm"]
    worker.send_signal(signal.SIGTERM)
    worker.wait(20)
    client = signed_in(cast.owner)
    task = connected.submit(cast.owner.api_key, "Hello", mode="simple")
    told = "no worker serves the queue llm"
    eventually(lambda: told in client.get(f"/tasks/{task}").content.decode())
    assert "No worker serves llm" in client.get("/workers").content.decode()
    connected.launch("worker-llm")
    assert connected.finished(cast.owner.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    assert "No worker serves" not in client.get("/workers").content.decode()


def restart_everything(farm: Farm) -> None:
    for name in ("web", *programs.WORKERS, "beat"):
        farm.kill(name)
    farm.start()


def test_a_pause_outlives_a_restart_of_everything(connected: Farm, cast: Cast) -> None:
    task = submit(connected, cast, mark("a", "before", delay_s=1.5), mark("b", "after", "a"))
    eventually(lambda: marks(connected, task))
    status, body = steer(connected, cast, task, "pause", reason="look first")
    assert status == 202 and body["success"] and body["task_id"] == task
    state = control_state(connected, cast, task)
    assert state["is_paused"] and state["pause_reason"] == "look first" and state["paused_at"]
    assert steer(connected, cast, task, "pause")[0] == 409
    told: Callable[[], list[str]] = lambda: [e["type"] for e in connected.events(cast.owner.api_key, task)]  # noqa: E731
    eventually(lambda: "WORKFLOW_PAUSED" in told())
    restart_everything(connected)
    assert connected.call(cast.owner.api_key, f"/api/v1/tasks/{task}")[1]["status"] == "TASK_STATUS_PAUSED"
    assert marks(connected, task) == ["before"]
    status, listed = connected.call(cast.owner.api_key, "/api/v1/tasks?status=PAUSED")
    assert status == 200 and task in {row["task_id"] for row in listed["tasks"]}
    assert steer(connected, cast, task, "resume")[0] == 202
    assert connected.finished(cast.owner.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    assert marks(connected, task) == ["before", "after"] and steer(connected, cast, task, "resume")[0] == 409
    assert [t for t in told() if t.startswith("WORKFLOW_")] == [
        "WORKFLOW_STARTED", "WORKFLOW_PAUSING", "WORKFLOW_PAUSED", "WORKFLOW_RESUMED", "WORKFLOW_COMPLETED",
    ]  # fmt: skip


def test_a_run_that_sleeps_over_a_deploy_keeps_its_plan_and_obeys_todays_policy(connected: Farm, cast: Cast) -> None:
    """What it had planned stays planned, what it had done stays done; what it does next waits for freezes and is asked
    of today's policy."""
    first = submit(connected, cast, mark("a", "before", delay_s=3), mark("b", "after", "a"))
    other = submit(connected, cast, mark("a", "start", delay_s=3), {"id": "w", "kind": "wait", "depends_on": ["a"]})
    for task in (first, other):
        eventually(lambda task=task: marks(connected, task))
    for task in (first, other):
        assert steer(connected, cast, task, "pause")[0] == 202
    for task in (first, other):
        eventually(
            lambda task=task: "WORKFLOW_PAUSED" in [e["type"] for e in connected.events(cast.owner.api_key, task)]
        )
    planned = [(s["n"], s["kind"], s["description"]) for s in connected.steps(cast.owner.api_key, first)]
    with tenant_scope(cast.acme.id):
        frozen = freeze(actor=cast.owner.user, kind="tool", subject="marker", reason="until the policy has changed")
        save_module(actor=cast.owner.user, name="marks", source=NO_MARKS)
    connected.deploy("tests.support.next_release")
    try:
        for task in (first, other):
            assert steer(connected, cast, task, "resume")[0] == 202
        why = eventually(lambda: frozen_for(connected, cast, first))
        assert why.startswith("Frozen: tool marker, by ") and why.endswith(": until the policy has changed")
        with tenant_scope(cast.acme.id):
            assert thaw(actor=cast.owner.user, frozen=[frozen])
        denied = connected.finished(cast.owner.api_key, first)
        assert denied["status"] == "TASK_STATUS_FAILED" and denied["error_code"] == "policy.denied", denied
        assert connected.finished(cast.owner.api_key, other)["status"] == "TASK_STATUS_COMPLETED"
    finally:
        with tenant_scope(cast.acme.id):
            thaw(actor=cast.owner.user, frozen=[frozen])
            save_module(actor=cast.owner.user, name="marks", source=NO_MARKS, mode="off")
        connected.deploy("workers.app")
    assert [(s["n"], s["kind"], s["description"]) for s in connected.steps(cast.owner.api_key, first)] == planned
    assert marks(connected, first) == ["before"] and marks(connected, other) == ["start"], "nothing was done twice"


def test_a_cancel_stops_what_runs_and_says_how_long_that_took(connected: Farm, cast: Cast) -> None:
    task = submit(connected, cast, mark("slow", "x", delay_s=50), mark("other", "y", delay_s=50))
    eventually(lambda: len(marks(connected, task)) == 2)
    assert steer(connected, cast, task, "cancel")[0] == 202
    stopped = eventually(lambda: (s := control_state(connected, cast, task)["stopped"])["still_stopping"] == 0 and s)
    assert 0 < stopped["after_s"] < 30


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_another_tenants_task_is_not_found(connected: Farm, cast: Cast, verb: str) -> None:
    task = submit(connected, cast, {"id": "a", "kind": "wait", "delay_s": 60})
    status, _ = connected.call(cast.stranger.api_key, f"/api/v1/tasks/{task}/{verb}", method="POST", body={})
    assert status == 404
    assert steer(connected, cast, task, "cancel")[0] == 202
