"""The engine's SQL on the real database: one winner, refused latecomers, exact joins, gapless events, honest books."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cast import Cast
from tests.support.driven import claim, events, fresh, sweep, turn
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Envelope, Hold
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import engine
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, NewStep, Settlement, StepRef, event
from webapp.orchestration.submit import Submission, submit_task
from webapp.progress.models import Event


@pytest.fixture
def task(cast: Cast) -> Task:
    """A simple task: policy.admit (1), then control.plan (2), which is final."""
    return submit_task(principal=cast.owner.principal, submission=Submission(query="x", mode="simple"))


def in_threads(calls: list[Callable[[], Any]]) -> list[Any]:
    """All at once, each on a connection of its own."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_many_claims_at_once_one_wins(task: Task) -> None:
    results = in_threads([lambda: turn(claims=[StepRef(task.id, 1)]).claimed for _ in range(8)])
    assert sorted(map(len, results)) == [0] * 7 + [1]


def test_a_step_whose_parent_is_open_cannot_be_claimed(task: Task) -> None:
    assert turn(claims=[StepRef(task.id, 2)]).claimed == []


def test_a_late_completion_is_refused_and_changes_nothing(task: Task) -> None:
    late = claim(task, 1, lease_s=0)
    sweep(hint_s=0, lease_s=0, attempts=5)
    newer = claim(task, 1)
    assert (late.fence, newer.fence) == (1, 2)
    result = turn(completions=[Completion(late, output={"text": "late"}), Completion(newer, output={"text": "new"})])
    assert (result.stale, result.done) == ({late.attempt}, {newer.attempt})
    with tenant_scope(task.tenant_id):
        assert Step.objects.get(task_id=task.id, n=1).output == {"text": "new"}


def test_a_completion_sent_twice_counts_once(task: Task) -> None:
    done = Completion(claim(task, 1))
    assert turn(completions=[done]).done and turn(completions=[done]).stale
    assert fresh(task).open == 1


def test_the_engines_calls_are_prepared_and_nothing_else_is(task: Task) -> None:
    turn(claims=[StepRef(task.id, 1)])
    for _ in range(12):
        fresh(task)
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        prepared = [statement for (statement,) in cursor.fetchall()]
    assert prepared and all(" FROM engine_" in statement or " engine_takeover(" in statement for statement in prepared)
    assert not connection.connection._prepared._counts, "what is not prepared is not remembered either"


def test_text_that_postgres_refuses_is_cleaned(task: Task) -> None:
    odd = "a\0b\ud800c"
    assert turn(completions=[Completion(claim(task, 1), output={"text": odd}, events=[event("X", message=odd)])]).done
    with tenant_scope(task.tenant_id):
        assert Step.objects.get(task_id=task.id, n=1).output == {"text": "a\ufffdb?c"}


def test_a_failed_step_that_is_needed_ends_the_task(task: Task) -> None:
    error = {"code": "policy.denied", "message": "no"}
    turn(completions=[Completion(claim(task, 1), status="failed", error=error)])
    ended = fresh(task)
    assert (ended.state, ended.error, ended.open) == ("failed", {**error, "step": 1}, 0)
    assert [type_ for _, type_ in events(task)][-2:] == ["WORKFLOW_FAILED", "STREAM_END"]


def test_nothing_is_said_after_the_end(task: Task) -> None:
    first = claim(task, 1)
    with tenant_scope(task.tenant_id), connections["default"].cursor() as cursor:
        cursor.execute("SELECT engine_cancel(%s, 'someone', 'enough')", [task.id])
    turn(completions=[Completion(first, events=[event("LATE")])])
    told = events(task)
    assert told[-1][1] == "STREAM_END" and "LATE" not in [type_ for _, type_ in told]


def test_a_retry_waits_until_its_time(task: Task) -> None:
    turn(completions=[Completion(claim(task, 1), status="retry", delay_s=30, error={"code": "x", "message": "y"})])
    assert turn(claims=[StepRef(task.id, 1)]).claimed == []


def test_a_lost_worker_too_often_fails_the_step(task: Task) -> None:
    for _ in range(2):
        claim(task, 1, lease_s=0)
        sweep(hint_s=0, lease_s=0, attempts=2)
    assert fresh(task).error["code"] == "step.worker_lost"  # type: ignore[index]


def test_a_restarted_slot_frees_what_its_predecessor_held(task: Task) -> None:
    claim(task, 1, worker="slot-a/old")
    assert engine.take_over(slot="slot-a", worker="slot-a/new") == 1
    swept = sweep(hint_s=30, lease_s=30, attempts=5)
    assert StepRef(task.id, 1) in [ready.ref for ready in swept.ready]


def test_renewal_names_what_is_no_longer_ours(task: Task) -> None:
    mine = claim(task, 1, lease_s=0)
    assert engine.renew(steps=[mine], lease_s=30) == set()
    turn(completions=[Completion(mine)])
    assert engine.renew(steps=[mine], lease_s=30) == {mine.attempt}


@st.composite
def dags(draw: st.DrawFn) -> list[NewStep]:
    """Any DAG of 1 to 12 steps whose last step waits for all that nobody else waits for."""
    count = draw(st.integers(1, 11))
    after = [tuple(sorted(draw(st.sets(st.integers(0, i - 1), max_size=3)))) if i else () for i in range(count)]
    loose = tuple(i for i in range(count) if not any(i in parents for parents in after))
    nodes = [NewStep("llm.turn", agent=f"a{i}", after=parents) for i, parents in enumerate(after)]
    return [*nodes, NewStep("llm.synthesise", "end", after=loose)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dag=dags(), seed=st.integers(0, 10**6))
def test_any_dag_runs_each_step_once_after_its_parents(cast: Cast, dag: list[NewStep], seed: int) -> None:
    """Completions come in random batches from two threads at once; every join opens exactly once."""
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="dag", mode="simple"))
    rng = random.Random(seed)
    turn(completions=[Completion(claim(task, 1))])
    turn(completions=[Completion(claim(task, 2), grow=dag, heir=len(dag) - 1)])
    order: list[int] = []
    while fresh(task).state == "running":
        with tenant_scope(task.tenant_id):
            ready = list(Step.objects.filter(task_id=task.id, state="ready").values_list("n", flat=True))
        assert ready, "nothing is ready and the task has not ended"
        chosen = rng.sample(ready, rng.randint(1, len(ready)))
        won = turn(claims=[StepRef(task.id, n) for n in chosen]).claimed
        order += [step.n for step in won]
        halves = [won[::2], won[1::2]]
        in_threads(
            [
                lambda half=half: turn(completions=[Completion(s, output={"text": str(s.n)}) for s in half])  # type: ignore[misc]
                for half in halves
                if half
            ]
        )
    ended = fresh(task)
    assert ended.state == "completed" and ended.result == str(2 + len(dag))
    assert sorted(order) == list(range(3, 3 + len(dag)))
    place = {n: position for position, n in enumerate(order)}
    assert all(place[3 + p] < place[3 + i] for i, step in enumerate(dag) for p in step.after)
    told = events(task)
    assert [seq for seq, _ in told] == list(range(1, len(told) + 1))
    assert [type_ for _, type_ in told].count("STREAM_END") == 1


@st.composite
def joined_dags(draw: st.DrawFn) -> list[NewStep]:
    """Any DAG of 2 to 10 steps with any joins; the last one waits for some of them and holds the answer."""
    count = draw(st.integers(1, 9))
    steps = []
    for i in range(count + 1):
        least = 0 if i < count else 1
        after = tuple(sorted(draw(st.sets(st.integers(0, i - 1), min_size=least, max_size=3)))) if i else ()
        join = draw(st.sampled_from(["all", "any", "partial", "settled", "quorum"])) if after else "all"
        quorum = draw(st.integers(1, len(after))) if join == "quorum" else None
        steps.append(NewStep("control.wait", agent=f"a{i}", after=after, join=join, quorum=quorum))  # type: ignore[arg-type]
    return steps


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dag=joined_dags(), seed=st.integers(0, 10**6))
def test_whatever_fails_hints_alone_bring_every_task_to_its_end(cast: Cast, dag: list[NewStep], seed: int) -> None:
    """Driven by nothing but what turns say is ready: a lost hint, or a step counted twice, shows."""
    rng = random.Random(seed)
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="dag", mode="simple"))
    turn(completions=[Completion(claim(task, 1))])
    hints = [s.ref for s in turn(completions=[Completion(claim(task, 2), grow=dag, heir=len(dag) - 1)]).ready]
    while fresh(task).state == "running":
        assert hints, "nothing is hinted and the task has not ended"
        rng.shuffle(hints)
        some = rng.randint(1, len(hints))
        now, hints = hints[:some], hints[some:]
        held = turn(claims=now).claimed
        assert len(held) == len(now), "what was hinted could not be claimed"
        ends = [
            Completion(s, status="failed", error={"code": "x", "message": "x"}) if rng.random() < 0.4 else Completion(s)
            for s in held
        ]
        hints += [s.ref for s in turn(completions=ends).ready]
        with tenant_scope(task.tenant_id):
            steps = list(Step.objects.filter(task_id=task.id))
            skipped = Event.objects.filter(task_id=task.id, type="STEP_SKIPPED").values_list("payload__step", flat=True)
            assert len(set(skipped)) == len(skipped)
        row = fresh(task)
        assert row.open == (sum(s.finished_at is None for s in steps) if row.state == "running" else 0)
    assert [type_ for _, type_ in events(task)].count("STREAM_END") == 1


def test_batches_over_the_same_tasks_in_opposite_order_do_not_block_each_other(cast: Cast) -> None:
    """Without the ordered lock at the start of a turn this is a deadlock, which Postgres ends with an error."""
    fan = [NewStep("llm.turn", "a"), NewStep("llm.turn", "b"), NewStep("llm.synthesise", "end", after=(0, 1))]
    made = [
        submit_task(principal=cast.owner.principal, submission=Submission(query="d", mode="simple")) for _ in range(40)
    ]
    for task in made:
        turn(completions=[Completion(claim(task, 1))])
        turn(completions=[Completion(claim(task, 2), grow=fan, heir=2)])
    left = [Completion(claim(task, 3)) for task in made]
    right = [Completion(claim(task, 4)) for task in reversed(made)]
    results = in_threads([lambda: turn(completions=left), lambda: turn(completions=right)])
    assert [len(result.done) for result in results] == [40, 40]
    released = [ready.ref for result in results for ready in result.ready]
    assert sorted(released) == sorted(StepRef(task.id, 5) for task in made)


# --- money ---


def ask(tokens: int, *, prompt: int = 100, least: int = 10, usd: str = "0.001") -> HoldRequest:
    return HoldRequest("turn", "p", "m", prompt, tokens, least, Decimal(usd), Decimal(usd))


def limited(cast: Cast, tokens: int, usd: Decimal | None = None) -> Task:
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="m", mode="simple"))
    with tenant_scope(task.tenant_id):
        Envelope.objects.filter(level="task", owner_id=task.id).update(tokens_limit=tokens, usd_limit=usd)
    return task


def envelope(task: Task) -> Envelope:
    with tenant_scope(task.tenant_id):
        return Envelope.objects.get(level="task", owner_id=task.id)


def begin(step: ClaimedStep, hold: HoldRequest) -> dict[str, Any]:
    return turn(begins=[Begin(step, hold=hold)]).begun[step.attempt]


def test_a_hold_is_clamped_to_what_is_left(cast: Cast) -> None:
    task = limited(cast, 300)
    assert begin(claim(task, 1), ask(4096))["granted"] == 200
    assert envelope(task).tokens_held == 300


def test_a_hold_beyond_the_budget_is_refused_with_the_budgets_name(cast: Cast) -> None:
    task = limited(cast, 105)
    refused = begin(claim(task, 1), ask(4096))["refused"]
    assert (refused["level"], refused["unit"], refused["left"]) == ("task", "tokens", 105)
    assert envelope(task).tokens_held == 0


def test_money_limits_a_hold_too(cast: Cast) -> None:
    task = limited(cast, 10**6, Decimal("0.15"))
    assert begin(claim(task, 1), ask(4096))["granted"] == 50
    assert envelope(task).usd_held == Decimal("0.15")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(0, 1500),
    asked=st.lists(st.integers(1, 400), min_size=1, max_size=4),
    used=st.lists(st.integers(0, 600), min_size=4, max_size=4),
)
def test_holds_and_settlements_of_one_turn_are_those_of_many(
    cast: Cast, limit: int, asked: list[int], used: list[int]
) -> None:
    """Each of a batch is granted what it would be alone, in its place; what they cost is booked to the last token."""
    task = limited(cast, limit)
    turn(completions=[Completion(claim(task, 1))])
    turn(completions=[Completion(claim(task, 2), grow=[NewStep("llm.turn", "a") for _ in asked], heir=0)])
    held = turn(claims=[StepRef(task.id, 3 + nth) for nth in range(len(asked))]).claimed
    begun = turn(begins=[Begin(s, hold=ask(n, least=1)) for s, n in zip(held, asked, strict=True)]).begun
    left, granted = limit, []
    for step, tokens in zip(held, asked, strict=True):
        answer = begun[step.attempt]
        if left > 100:
            granted.append((step, min(tokens, left - 100)))
            assert answer["granted"] == granted[-1][1]
            left -= 100 + granted[-1][1]
        else:
            assert answer["refused"]["left"] == left
    assert envelope(task).tokens_held == limit - left
    costs = [
        Settlement(sent=True, usage={"prompt_tokens": 100, "completion_tokens": u, "cached_tokens": 0, "usd": "0.5"})
        for u in used
    ]
    turn(completions=[Completion(step, settle=(cost,)) for (step, _), cost in zip(granted, costs, strict=False)])
    books, billed = envelope(task), used[: len(granted)]
    assert (books.tokens_held, books.usd_held) == (0, 0)
    assert books.tokens_spent == sum(100 + tokens for tokens in billed)
    assert books.usd_spent == fresh(task).cost_usd == Decimal("0.5") * len(granted)
    assert books.tokens_overrun == sum(max(0, u - got) for u, (_, got) in zip(billed, granted, strict=True))


def test_a_begin_that_is_said_again_is_granted_the_same_and_held_once(cast: Cast) -> None:
    """As after a commit whose answer was lost with the connection."""
    task = limited(cast, 300)
    step = claim(task, 1)
    first, again = begin(step, ask(4096)), begin(step, ask(4096))
    assert again == first and first["granted"] == 200
    assert envelope(task).tokens_held == 300
    assert [type_ for _, type_ in events(task)].count("BUDGET_HELD") == 1


def test_what_is_rounded_in_the_ledger_is_rounded_in_the_budgets(cast: Cast) -> None:
    """A price with more digits than a row keeps must leave nothing behind, and take nothing that isn't there."""
    task = limited(cast, 10**6)
    turn(completions=[Completion(claim(task, 1))])
    turn(completions=[Completion(claim(task, 2), grow=[NewStep("llm.turn", "a") for _ in range(2)], heir=0)])
    held = turn(claims=[StepRef(task.id, 3), StepRef(task.id, 4)]).claimed
    odd = HoldRequest("turn", "p", "m", 1, 1, 1, Decimal("0.00000000005"), Decimal(0))
    assert all(answer["granted"] for answer in turn(begins=[Begin(step, hold=odd) for step in held]).begun.values())
    turn(completions=[Completion(step, settle=(Settlement(sent=False),)) for step in held])
    assert envelope(task).usd_held == 0


@pytest.mark.parametrize(
    ("settle", "spent"),
    [
        (
            Settlement(
                sent=True, usage={"prompt_tokens": 50, "completion_tokens": 7, "cached_tokens": 0, "usd": "0.057"}
            ),
            57,
        ),
        (Settlement(sent=True), 300),
        (Settlement(sent=False), 0),
    ],
    ids=["at its usage", "at its worst case", "at nothing"],
)
def test_a_hold_closes_once(cast: Cast, settle: Settlement, spent: int) -> None:
    task = limited(cast, 300)
    step = claim(task, 1)
    begin(step, ask(4096))
    for _ in range(2):
        turn(completions=[Completion(step, settle=(settle,))])
    assert (envelope(task).tokens_spent, envelope(task).tokens_held) == (spent, 0)


def test_a_bill_above_the_hold_is_booked_and_shown(cast: Cast) -> None:
    task = limited(cast, 300)
    step = claim(task, 1)
    begin(step, ask(4096))
    usage = {"prompt_tokens": 400, "completion_tokens": 100, "cached_tokens": 0, "usd": "0.5"}
    turn(completions=[Completion(step, settle=(Settlement(sent=True, usage=usage),))])
    assert (envelope(task).tokens_spent, envelope(task).tokens_overrun) == (500, 200)


def test_the_hold_of_a_dead_worker_settles_at_its_worst_case(cast: Cast) -> None:
    task = limited(cast, 300)
    begin(claim(task, 1, lease_s=0), ask(4096))
    sweep(hint_s=0, lease_s=0, attempts=5)
    with tenant_scope(task.tenant_id):
        assert Hold.objects.get(task_id=task.id).worst_case
    assert (envelope(task).tokens_spent, envelope(task).tokens_held) == (300, 0)


def test_calls_at_once_never_overshoot_a_shared_budget(cast: Cast) -> None:
    """Twelve tasks of one session, each call 150 tokens at worst, a budget of 1,000: six fit and no more."""
    made = [
        submit_task(principal=cast.owner.principal, submission=Submission(query="s", mode="simple", session="narrow"))
        for _ in range(12)
    ]
    with tenant_scope(cast.acme.id):
        Envelope.objects.filter(level="session", owner_id=made[0].session_id).update(tokens_limit=1000)
    steps = [claim(task, 1) for task in made]
    answers = in_threads([lambda step=step: begin(step, ask(50, least=50)) for step in steps])  # type: ignore[misc]
    assert sum("granted" in answer for answer in answers) == 6
    with tenant_scope(cast.acme.id):
        assert Envelope.objects.get(level="session", owner_id=made[0].session_id).tokens_held == 900
