"""Freezes, driven step by step: what they match waits without an attempt, and goes on when they are thawed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import ERROR, Driven, claim, fresh, sweep, turn
from tests.support.farm import eventually
from webapp.agent_tasks.models import Step
from webapp.budgets.models import Envelope, Hold
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze, PolicyDecision
from webapp.orchestration.control import cancel_task, pause_task, resume_task
from webapp.orchestration.engine import TurnResult
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, StepRef, event
from webapp.progress.models import Event

UNDO = {"tool": "marker", "arguments": {"text": "undo"}}
MARK = {"kind": "tool", "tool": "marker", "arguments": {"text": "do"}}
MODEL = "p/m"


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(autouse=True)
def _all_thawed(cast: Cast) -> Iterator[None]:
    yield
    for person in (cast.owner, cast.stranger):
        with tenant_scope(person.user.tenant_id):
            thaw(actor=person.user, frozen=list(Freeze.objects.filter(thawed_at=None)))


def put(kind: str, subject: str = "", *, by: Person, reason: str = "an incident") -> Freeze:
    with tenant_scope(by.user.tenant_id):
        return freeze(actor=by.user, kind=kind, subject=subject, reason=reason)


def lift(frozen: Freeze, by: Person) -> bool:
    with tenant_scope(by.user.tenant_id):
        return thaw(actor=by.user, frozen=[frozen]) == 1


def attempt(run: Driven, name: str) -> list[ClaimedStep]:
    return turn(claims=[StepRef(run.task.id, run.step(name).n)]).claimed


def ask(step: ClaimedStep, model: str = "m") -> TurnResult:
    """As before a model call: an announcement, a decision and the worst case."""
    hold = HoldRequest("turn", "p", model, 100, 100, 10, Decimal("0.001"), Decimal("0.001"))
    told = [event("AGENT_STARTED", agent=step.agent), event("LLM_PROMPT", agent=step.agent, message="?")]
    decision = {
        "point": "model_call", "subject": model, "effect": "allow", "rule": "r", "reasons": [], "revision": "1",
        "input_sha256": "", "input": {},
    }  # fmt: skip
    return turn(begins=[Begin(step, events=told, decisions=[decision], hold=hold)])


def frozen_events(run: Driven) -> list[str]:
    with tenant_scope(run.task.tenant_id):
        return list(Event.objects.filter(task_id=run.task.id, type="STEP_FROZEN").values_list("message", flat=True))


def nothing_charged(run: Driven) -> bool:
    with tenant_scope(run.task.tenant_id):
        spent = Envelope.objects.get(level="task", owner_id=run.task.id)
        holds = (
            Hold.objects.filter(task_id=run.task.id, call__gt=0).count()
            + PolicyDecision.objects.filter(task=run.task).count()
        )
    return (spent.tokens_spent, spent.tokens_held, spent.usd_spent, spent.usd_held, holds) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "subject", "stopped", "free"),
    [("tenant", "", "abc", ""), ("agent", "a", "a", "bc"), ("tool", "marker", "b", "ac")],
)
def test_frozen_work_waits_without_an_attempt_and_goes_on_when_thawed(
    kind: str, subject: str, stopped: str, free: str, cast: Cast
) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b", **MARK}, {"id": "c", **MARK, "tool": "calculator"}).planned()
    other = Driven(cast.stranger, {"id": "a"}, {"id": "b", **MARK}).planned()
    frozen = put(kind, subject, by=cast.owner)
    for name in stopped:
        assert not attempt(run, name)
        step = run.step(name)
        assert (step.state, step.fence, step.worker, step.retries) == ("waiting", 0, None, 0)
        assert step.error and step.error["message"].startswith(f"Frozen: {frozen}, by {cast.owner.user.email} since 20")
        assert step.error["message"].endswith(" UTC: an incident")
    for name in free:
        assert attempt(run, name)
    assert attempt(other, "a") and attempt(other, "b"), "another tenant's work goes on"
    parked = {StepRef(run.task.id, run.step(name).n) for name in stopped}
    for _ in range(2):  # when it is looked at again, that is neither told nor an attempt
        run.hurry()
        assert not parked & {step.ref for step in sweep().ready}
        assert not any(attempt(run, name) for name in stopped)
    assert len(frozen_events(run)) == len(stopped) and nothing_charged(run)
    assert lift(frozen, cast.operator) and not lift(frozen, cast.owner)
    for name in stopped:
        assert (run.step(name).state, run.step(name).error) == ("ready", None)
        run.done(name)
        assert run.step(name).fence == 1
    assert len(frozen_events(run)) == len(stopped)


def test_a_frozen_model_is_not_asked_and_nothing_is_held_for_it(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}).planned()
    frozen = put("model", MODEL, by=cast.owner)
    first, second = run.claim("a"), run.claim("b")
    assert ask(first).begun[first.attempt]["lost"] and ask(second, "another").begun[second.attempt]["granted"]
    assert turn(completions=[Completion(first, status="handback")]).stale, "it is its worker's no more"
    step = run.step("a")
    assert (step.state, step.worker, step.fence, step.retries, step.losses) == ("waiting", None, 1, 0, 0)
    assert run.types().count("AGENT_STARTED") == 2 and run.types().count("LLM_PROMPT") == 1
    with tenant_scope(run.task.tenant_id):
        assert [hold.step for hold in Hold.objects.filter(task_id=run.task.id, call__gt=0)] == [second.n]
        assert [made.step for made in PolicyDecision.objects.filter(task=run.task)] == [second.n]
    run.hurry()
    sweep()
    assert not attempt(run, "a") and run.step("a").fence == 1, "it is remembered without asking for the model again"
    lift(frozen, cast.owner)
    again = run.claim("a")
    assert ask(again).begun[again.attempt]["granted"] and len(frozen_events(run)) == 1


def test_what_was_claimed_before_the_freeze_makes_no_call_after_it(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "b", **MARK}).planned()
    held = run.claim("b")
    put("tool", "marker", by=cast.owner)
    assert turn(begins=[Begin(held)]).begun[held.attempt]["lost"] and run.step("b").state == "waiting"


def test_what_runs_finishes_its_call_and_what_comes_after_it_waits(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b", "depends_on": ["a"]}).planned()
    held = run.claim("a")
    frozen = put("tenant", by=cast.owner)
    ended = turn(completions=[Completion(held)], take=5)
    assert ended.done and not ended.claimed
    assert run.states() == {"a": "done", "b": "waiting", "editor": "waiting"}
    lift(frozen, cast.owner)
    run.done("b")
    run.done("editor")
    assert run.state() == "completed"


def test_a_thaw_hints_in_the_order_of_the_steps(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Driven(cast.owner, *({"id": f"s{n}"} for n in range(5))).planned()
    frozen = put("tenant", by=cast.owner)
    for n in (3, 0, 4, 2, 1):
        attempt(run, f"s{n}")
    sent: list[StepRef] = []
    monkeypatch.setattr(
        "webapp.orchestration.bell.ring", lambda changed, ready: sent.extend(step.ref for step in ready)
    )
    lift(frozen, cast.owner)
    assert sent == [StepRef(run.task.id, run.step(f"s{n}").n) for n in range(5)]
    run.hurry()
    assert len([step for step in sweep().ready if step.ref.task == run.task.id]) == 5, "a lost hint is mended"


def test_a_step_under_two_freezes_waits_for_both_and_says_so(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    tenant, agent = put("tenant", by=cast.owner), put("agent", "a", by=cast.owner, reason="it raves")
    assert not attempt(run, "a")
    lift(tenant, cast.owner)
    assert not attempt(run, "a") and run.step("a").state == "waiting"
    first, second = frozen_events(run)
    assert "Frozen: tenant, by" in first and "Frozen: agent a, by" in second and second.endswith("it raves")
    lift(agent, cast.owner)
    run.done("a")


def test_a_new_task_is_accepted_while_all_is_frozen(cast: Cast) -> None:
    frozen = put("tenant", by=cast.owner)
    run = Driven(cast.owner, {"id": "a"})
    assert not turn(claims=[StepRef(run.task.id, 1)]).claimed and run.state() == "running"
    lift(frozen, cast.owner)
    run.planned().done("a")


def test_a_killed_worker_leaves_its_step_to_the_freeze(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    run.claim("a")
    frozen = put("agent", "a", by=cast.owner)
    run.hurry()
    sweep()
    assert not attempt(run, "a") and run.step("a").state == "waiting" and run.step("a").losses == 1
    lift(frozen, cast.owner)
    run.done("a")


def test_attempts_that_froze_or_were_retried_are_not_lost_workers(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    for _ in range(4):
        frozen = put("model", MODEL, by=cast.owner)
        ask(run.claim("a"))
        lift(frozen, cast.owner)
        turn(completions=[Completion(run.claim("a"), status="retry", error=ERROR)])
        run.hurry()
    run.claim("a")
    run.hurry()
    sweep(attempts=2)
    assert run.step("a").state == "ready" and run.step("a").losses == 1
    run.claim("a")
    run.hurry()
    sweep(attempts=2)
    assert (run.step("a").error or {})["message"] == "Its worker was lost 2 times"


def test_a_frozen_task_can_be_cancelled_and_its_deadline_counts(cast: Cast) -> None:
    run, late = Driven(cast.owner, {"id": "a"}).planned(), Driven(cast.owner, {"id": "a"}, deadline_s=1).planned()
    put("tenant", by=cast.owner)
    assert not attempt(run, "a") and not attempt(late, "a")
    assert cancel_task(principal=cast.owner.principal, task=run.task.id, reason="enough")
    eventually(lambda: sweep() and not fresh(late.task).is_open)
    assert (run.state(), run.states()["a"], late.state()) == ("cancelled", "cancelled", "timeout")


def test_a_pause_over_a_freeze_keeps_both(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    frozen = put("tenant", by=cast.owner)
    attempt(run, "a")
    pause_task(principal=cast.owner.principal, task=run.task.id, reason="")
    run.hurry()
    assert run.task.id not in {step.ref.task for step in sweep().ready}
    resume_task(principal=cast.owner.principal, task=run.task.id, reason="")
    assert not attempt(run, "a") and len(frozen_events(run)) == 1
    pause_task(principal=cast.owner.principal, task=run.task.id, reason="")
    lift(frozen, cast.owner)
    assert (run.step("a").state, run.step("a").due, run.step("a").error) == ("waiting", None, None)
    resume_task(principal=cast.owner.principal, task=run.task.id, reason="")
    run.done("a")


def test_a_paused_task_whose_last_running_step_freezes_stands_still(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    held = run.claim("a")
    put("model", MODEL, by=cast.owner)
    pause_task(principal=cast.owner.principal, task=run.task.id, reason="")
    ask(held)
    assert run.types()[-2] == "WORKFLOW_PAUSED" and run.step("a").state == "waiting"


def test_compensation_waits_too(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a", **MARK, "compensate": UNDO}, {"id": "b", "depends_on": ["a"]}).planned()
    run.done("a")
    frozen = put("tool", "marker", by=cast.owner)
    run.failed("b")
    (undo,) = [step for step in run.steps() if step.compensates]
    assert not turn(claims=[StepRef(run.task.id, undo.n)]).claimed and fresh(run.task).is_open
    lift(frozen, cast.owner)
    turn(completions=[Completion(claim(run.task, undo.n))])
    assert run.state() == "failed"


def test_a_sweep_frees_what_a_lost_thaw_left(cast: Cast) -> None:
    """As if the code that thawed knew nothing of the steps."""
    run = Driven(cast.owner, {"id": "a"}).planned()
    frozen = put("tenant", by=cast.owner)
    attempt(run, "a")
    with tenant_scope(run.task.tenant_id):
        Freeze.objects.filter(id=frozen.id).update(thawed_at=frozen.created_at)
    run.hurry()
    assert StepRef(run.task.id, run.step("a").n) in {step.ref for step in sweep().ready}
    assert run.step("a").error is None
    run.done("a")


def in_thread(call: Callable[[], Any]) -> threading.Thread:
    def closing() -> None:
        try:
            call()
        finally:
            connections.close_all()

    thread = threading.Thread(target=closing)
    thread.start()
    return thread


def test_a_thaw_waits_for_who_parks_just_now_and_frees_that_step(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    frozen = put("tenant", by=cast.owner)
    with transaction.atomic():
        claims = json.dumps([{"task": str(run.task.id), "n": run.step("a").n}])
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT * FROM engine_turn('w/1', '{control}', 0, 30, 30, '[]', '[]', %s::jsonb)", [claims])
        thawing = in_thread(lambda: lift(frozen, cast.owner))
        thawing.join(0.3)
        assert thawing.is_alive()
    thawing.join(60)
    assert (run.step("a").state, len(frozen_events(run))) == ("ready", 1)


def test_who_claims_during_a_thaw_does_not_wait_for_it(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}, {"id": "b"}).planned()
    frozen = put("tenant", by=cast.owner)
    attempt(run, "a")
    done, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        with tenant_scope(run.task.tenant_id):
            Freeze.objects.select_for_update().get(id=frozen.id)
            done.set()
            go_on.wait(60)
            thaw(actor=cast.owner.user, frozen=[frozen])

    thawing = in_thread(slowly)
    assert done.wait(60) and attempt(run, "b")
    go_on.set()
    thawing.join(60)
    run.done("a")


def test_claims_and_thaws_at_once_leave_nothing_behind(cast: Cast) -> None:
    runs = [Driven(cast.owner, *({"id": f"s{n}"} for n in range(3))).planned() for _ in range(3)]
    over = threading.Event()

    def claims() -> None:
        while not over.is_set():
            won = turn(claims=[StepRef(run.task.id, n) for run in runs for n in (3, 4, 5)]).claimed
            turn(completions=[Completion(step, status="handback") for step in won])

    workers = [in_thread(claims) for _ in range(3)]
    for round_ in range(15):
        both = [put("tenant", by=cast.owner), put("agent", "s1", by=cast.owner)]
        with tenant_scope(cast.acme.id):
            assert thaw(actor=cast.owner.user, frozen=both if round_ % 2 else both[::-1]) == 2
    over.set()
    for worker in workers:
        worker.join(60)
    with tenant_scope(cast.acme.id):
        left = Step.objects.filter(task_id__in=[run.task.id for run in runs], error__code="step.frozen")
        assert not left.exists()
    assert sum(len(frozen_events(run)) for run in runs) > 10
    for run in runs:
        run.done("s0", "s1", "s2")


@pytest.mark.parametrize(
    ("kind", "subject", "reason", "field"),
    [
        ("queue", "llm", "x", "kind"), ("tenant", "acme", "x", "subject"), ("agent", " ", "x", "subject"),
        ("model", "m", "x", "subject"), ("tool", "t" * 121, "x", "subject"), ("tool", "t", " ", "reason"),
        ("tool", "t", "x" * 301, "reason"), ("tool", "a\0", "x", "subject"),
    ],
)  # fmt: skip
def test_a_freeze_that_says_nothing_is_refused(kind: str, subject: str, reason: str, field: str, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        put(kind, subject, by=cast.owner, reason=reason)
    assert refused.value.field == field
