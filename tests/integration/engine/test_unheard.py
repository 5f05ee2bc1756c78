"""A call of a tool that acts, of which nobody has said what came of it: its record and its task's page say just that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cast import Cast
from tests.support.driven import ERROR, Driven, sweep, turn
from tests.support.pages import signed_in
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.control import cancel_task
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, Settlement
from webapp.progress.models import Event

ACT = {"kind": "tool", "tool": "marker", "arguments": {"text": "x"}}


def run_of(cast: Cast) -> Driven:
    """`act` and `other` run side by side; without either of them there is no answer."""
    return Driven(
        cast.owner, {"id": "act", **ACT, "compensate": True}, {"id": "other"}, {"id": "last", "depends_on": ["act", "other"]}
    ).planned()  # fmt: skip


def begun(run: Driven, effect: str = "acts") -> ClaimedStep:
    """The call is decided, held for and under way."""
    step = run.claim("act")
    asked = {"tool": {"name": "marker", "effect": effect}}
    decision = {
        "point": "tool_call", "subject": "marker", "effect": "allow", "rule": "x", "reasons": [], "revision": "1",
        "input_sha256": "0" * 64, "input": asked,
    }  # fmt: skip
    hold = HoldRequest(purpose="tool", provider="", model="marker", tool_calls=1)
    turn(begins=[Begin(step, decisions=[decision], hold=hold)])
    return step


def warnings(run: Driven) -> list[dict[str, Any]]:
    with tenant_scope(run.task.tenant_id):
        told = Event.objects.filter(task_id=run.task.id, type="WARNING").order_by("seq")
        return [{"message": each.message, **(each.payload or {})} for each in told]


def test_it_is_told_by_step_event_and_page_when_its_task_fails_meanwhile(cast: Cast) -> None:
    run = run_of(cast)
    step = begun(run)
    run.failed("other")
    assert run.state() == "failed" and run.step("act").state == "cancelled"
    error = run.step("act").error or {}
    assert error["code"] == "call.unheard" and "nobody knows whether marker has acted" in error["message"]
    (warning,) = warnings(run)
    assert (warning["step"], warning["tool"], warning["error"]) == (step.n, "marker", "call.unheard")
    assert run.types()[-1] == "STREAM_END"
    late = Completion(step, output={"shown": {"ok": True}}, settle=(Settlement(sent=True, usage={}),))
    turn(completions=[late])
    assert run.step("act").error == error and run.state() == "failed", "it comes too late to be undone"
    page = signed_in(cast.owner).get(f"/tasks/{run.task.id}").content.decode()
    assert "Nobody knows whether this call has acted" in page and f"/steps/{step.n}" in page
    assert signed_in(cast.stranger).get(f"/tasks/{run.task.id}").status_code == 404


def test_it_is_told_when_somebody_cancels_the_task_too(cast: Cast) -> None:
    run = run_of(cast)
    begun(run)
    cancel_task(principal=cast.owner.principal, task=run.task.id, reason="enough")
    assert (run.step("act").error or {})["code"] == "call.unheard" and len(warnings(run)) == 1


def test_a_lost_worker_may_have_acted_too(cast: Cast) -> None:
    run = run_of(cast)
    begun(run)
    run.hurry()
    sweep(hint_s=3600)  # its lease is over: another attempt is to follow
    assert run.step("act").state == "ready"
    run.failed("other")
    assert (run.step("act").error or {})["code"] == "call.unheard"


def test_the_last_of_its_workers_that_was_lost_fails_the_step_with_it(cast: Cast) -> None:
    run = run_of(cast)
    begun(run)
    run.hurry()
    sweep(attempts=1)
    error = run.step("act").error or {}
    assert error["code"] == "step.worker_lost" and "nobody knows whether marker has acted" in error["message"]
    assert len(warnings(run)) == 1 and run.state() == "failed"


@pytest.mark.parametrize("how", ["computes", "not begun", "heard"])
def test_of_others_nothing_is_said(cast: Cast, how: str) -> None:
    run = run_of(cast)
    if how == "not begun":
        run.claim("act")
    else:
        step = begun(run, "computes" if how == "computes" else "acts")
    if how == "heard":
        closed = (Settlement(sent=True, usage={}),)
        turn(completions=[Completion(step, status="retry", error=ERROR, delay_s=60, settle=closed)])
    run.failed("other")
    with tenant_scope(run.task.tenant_id):
        assert Step.objects.get(task_id=run.task.id, n=run.step("act").n).state == "cancelled"
    assert warnings(run) == [] and (run.step("act").error or {}).get("code") != "call.unheard"
