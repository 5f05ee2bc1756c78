"""What goes on in agents, as the engine keeps it: with the step's own completion, and as its events tell it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.driven import ERROR, Driven, claim, sweep, turn
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.fork import fork_steps
from webapp.orchestration.steps import ClaimedStep, Completion
from webapp.progress.models import Event

FAILED = {"state": "FAILED", "beliefs": None}
THOUGHT = {"state": "EXECUTING", "beliefs": {"threshold": 0.75, "best": None, "hypotheses": []}}
AGENT = {"id": "a", "kind": "agent", "description": "Find out"}


@pytest.fixture
def run(cast: Cast) -> Driven:
    tool = {"id": "t", "kind": "tool", "tool": "calculator", "arguments": {"expression": "1"}}
    return Driven(cast.owner, AGENT, tool, {"id": "end", "depends_on": ["a", "t"], "join": "settled"}).planned()


def told(run: Driven, name: str) -> list[Any]:
    """The states that the step's events tell, with their types."""
    n = run.step(name).n
    with tenant_scope(run.task.tenant_id):
        rows = Event.objects.filter(task_id=run.task.id, payload__step=n).order_by("seq")
        return [(row.type, (row.payload or {}).get("agent_state")) for row in rows]


def retried(step: ClaimedStep) -> None:
    turn(completions=[Completion(step, status="retry", error=ERROR, inner=THOUGHT)])


def test_it_is_written_with_the_completion_and_told_by_its_event(run: Driven) -> None:
    turn(completions=[Completion(run.claim("a"), output={"text": "x"}, inner=THOUGHT)])
    assert run.step("a").inner == THOUGHT
    assert told(run, "a") == [("STEP_STARTED", None), ("STEP_COMPLETED", "EXECUTING")]


def test_an_attempt_that_was_overtaken_leaves_nothing(run: Driven) -> None:
    late = run.claim("a")
    run.hurry()
    sweep()
    turn(completions=[Completion(claim(run.task, late.n), inner=THOUGHT)])
    assert turn(completions=[Completion(late, inner={"state": "COMPLETED", "beliefs": None})]).stale == {late.attempt}
    assert run.step("a").inner == THOUGHT


def test_a_step_that_failed_leaves_its_agent_failed_and_a_tool_call_nobody(run: Driven) -> None:
    first = run.claim("a")
    retried(first)
    assert run.step("a").inner is None, "it is tried again"
    run.hurry()
    run.failed("a")
    run.failed("t")
    assert (run.step("a").inner, run.step("t").inner) == (FAILED, None)
    assert told(run, "a")[-1] == ("STEP_FAILED", "FAILED") and told(run, "t")[-1] == ("STEP_FAILED", None)


def test_an_agent_whose_worker_was_lost_too_often_has_failed(run: Driven) -> None:
    run.claim("a")
    run.hurry()
    sweep(attempts=1)
    assert run.step("a").inner == FAILED and told(run, "a")[-1] == ("STEP_FAILED", "FAILED")


def test_a_served_step_brings_it_along(run: Driven, cast: Cast) -> None:
    turn(completions=[Completion(run.claim("a"), output={"text": "x"}, inner=THOUGHT)])
    run.done("t")
    run.done("end")
    grow, answer = fork_steps(run.steps(), run.step("end").n)
    fork = Driven(cast.owner, AGENT)
    turn(completions=[Completion(claim(fork.task, 1))])
    turn(completions=[Completion(claim(fork.task, 2), grow=grow, heir=answer)])
    assert fork.step("a").is_served and fork.step("a").inner == THOUGHT


def test_it_is_closed_to_another_tenant(run: Driven, cast: Cast) -> None:
    turn(completions=[Completion(run.claim("a"), inner=THOUGHT)])
    with tenant_scope(cast.globex.id):
        assert not Step.objects.filter(inner__state="EXECUTING", task_id=run.task.id).exists()
    with tenant_scope(cast.acme.id):
        assert Step.objects.filter(inner__state="EXECUTING", task_id=run.task.id).count() == 1
