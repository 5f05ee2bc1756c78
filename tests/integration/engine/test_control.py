"""Pause, resume and cancel, driven step by step: what runs finishes, nothing new starts, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import Driven, fresh, sweep, turn
from webapp.agent_tasks.selectors import last_effect
from webapp.common.errors import Conflict
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.control import cancel_task, pause_task, resume_task
from webapp.orchestration.steps import Completion, StepRef


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def steer(do: Any, run: Driven, person: Person, reason: str = "why") -> Any:
    return do(principal=person.principal, task=run.task.id, reason=reason)


def test_a_paused_task_finishes_what_runs_and_starts_nothing(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}, {"id": "c", "depends_on": ["a"]}).planned()
    held = run.claim("a")
    steer(pause_task, run, cast.owner)
    paused = fresh(run.task)
    assert (paused.state, paused.paused_by, paused.pause_reason) == ("paused", str(cast.owner.user.id), "why")
    assert run.types()[-1] == "WORKFLOW_PAUSING", "a step still runs"
    assert not turn(claims=[StepRef(run.task.id, run.step("b").n)]).claimed
    ended = turn(completions=[Completion(held)], take=5)
    assert ended.done and not ended.ready and not ended.claimed and run.types()[-1] == "WORKFLOW_PAUSED"
    run.hurry()
    assert run.task.id not in {step.ref.task for step in sweep(hint_s=0, lease_s=0, attempts=5).ready}
    steer(resume_task, run, cast.owner)
    resumed = fresh(run.task)
    assert (resumed.state, resumed.paused_at, resumed.paused_by) == ("running", None, "")
    assert run.states() == {"a": "done", "b": "ready", "c": "ready", "editor": "waiting"}
    run.done("b", "c")
    run.done("editor")
    assert run.state() == "completed"


def test_a_pause_is_reached_once_however_many_steps_end_together(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}, {"id": "c"}).planned()
    held = [run.claim(name) for name in "abc"]
    steer(pause_task, run, cast.owner)
    turn(completions=[Completion(step) for step in held])
    assert run.types().count("WORKFLOW_PAUSED") == 1 and run.types()[-1] == "WORKFLOW_PAUSED"


def test_a_pause_between_steps_stands_still_at_once(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    steer(pause_task, run, cast.owner)
    assert run.types()[-2:] == ["WORKFLOW_PAUSING", "WORKFLOW_PAUSED"]


def test_a_retry_whose_time_comes_during_the_pause_waits_for_the_resume(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    turn(completions=[Completion(run.claim("a"), status="retry", delay_s=0.0, error={"code": "x", "message": "x"})])
    steer(pause_task, run, cast.owner)
    sweep(hint_s=30, lease_s=30, attempts=5)
    assert run.step("a").state == "waiting" and run.step("a").due is None
    steer(resume_task, run, cast.owner)
    assert run.states()["a"] == "ready"


def test_a_worker_that_dies_in_a_paused_task_leaves_its_step_for_the_resume(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    run.claim("a")
    steer(pause_task, run, cast.owner)
    run.hurry()
    sweep(hint_s=30, lease_s=30, attempts=5)
    assert run.types()[-1] == "WORKFLOW_PAUSED"
    steer(resume_task, run, cast.owner)
    run.done("a")
    assert run.step("a").fence == 2


def test_what_can_not_be_paused_or_resumed_is_a_conflict(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    with pytest.raises(Conflict):
        steer(resume_task, run, cast.owner)
    steer(pause_task, run, cast.owner)
    with pytest.raises(Conflict):
        steer(pause_task, run, cast.owner)
    assert steer(cancel_task, run, cast.owner)
    for do in (pause_task, resume_task):
        with pytest.raises(Conflict):
            steer(do, run, cast.owner)


def test_a_pause_is_added_to_the_deadline(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, deadline_s=3600).planned()
    before = fresh(run.task).deadline_at
    steer(pause_task, run, cast.owner)
    steer(resume_task, run, cast.owner)
    after = fresh(run.task).deadline_at
    assert before and after and after > before


def test_nobody_elses_task_can_be_steered(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    for do in (pause_task, resume_task):
        with pytest.raises(Conflict):
            steer(do, run, cast.stranger)
    assert not steer(cancel_task, run, cast.stranger) and run.state() == "running"


def test_a_cancel_says_when_the_last_of_it_had_stopped(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}).planned()
    held = [run.claim("a"), run.claim("b")]
    steer(cancel_task, run, cast.owner)
    with tenant_scope(run.task.tenant_id):
        before = last_effect(run.task.tenant_id, fresh(run.task))
    for step in held:
        assert turn(completions=[Completion(step, status="handback")]).stale
    with tenant_scope(run.task.tenant_id):
        after = last_effect(run.task.tenant_id, fresh(run.task))
    assert before and before.still_stopping == 2 and after and after.still_stopping == 0 and 0 < after.after_s < 60
