"""One attempt that calls several models: each call has a hold of its own, and each closes once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cast import Cast, make_cast
from tests.support.driven import Driven, sweep, turn
from webapp.budgets.models import Envelope, Hold
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze
from webapp.orchestration import engine
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, Settlement, StepRef

COST = {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 0, "usd": "0.015"}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def step(cast: Cast) -> Iterator[ClaimedStep]:
    run = Driven(cast.owner, {"id": "a"}).planned()
    (won,) = turn(claims=[StepRef(run.task.id, run.step("a").n)]).claimed
    yield won
    turn(completions=[Completion(won, settle=tuple(Settlement(sent=False, call=n) for n in range(1, 6)))])


def ask(call: int, model: str = "m", *, hedge: bool = False) -> HoldRequest:
    price = Decimal("0.001")
    return HoldRequest("turn", "p", model, 100, 50, 1, price, price, call=call, tier="small", hedge=hedge)


def begin(step: ClaimedStep, hold: HoldRequest, *closed: Settlement) -> dict[str, Any]:
    return turn(begins=[Begin(step, hold=hold, settle=closed)]).begun[step.attempt]


def holds(step: ClaimedStep) -> list[tuple[int, str, int, str]]:
    with tenant_scope(step.tenant):
        rows = Hold.objects.filter(task_id=step.task, step=step.n).order_by("call")
        return [(row.call, row.state, row.prompt_tokens + row.completion_tokens, row.error) for row in rows]


def envelope(step: ClaimedStep) -> Envelope:
    with tenant_scope(step.tenant):
        return Envelope.objects.get(level="task", owner_id=step.task)


FAILED = Settlement(sent=False, call=1, error="model.overloaded")


def test_the_next_call_holds_for_itself_and_closes_the_one_before_in_the_same_commit(step: ClaimedStep) -> None:
    begin(step, ask(1))
    assert begin(step, ask(2), FAILED)["granted"] == 50
    assert holds(step) == [(1, "released", 0, "model.overloaded"), (2, "open", 150, "")]
    assert envelope(step).tokens_held == 150


def test_a_second_begin_that_is_said_again_holds_once(step: ClaimedStep) -> None:
    begin(step, ask(1))
    assert [begin(step, ask(2), FAILED)["granted"] for _ in range(3)] == [50, 50, 50]
    assert envelope(step).tokens_held == 150


def test_both_of_a_hedge_are_held_and_each_is_paid_as_it_ended(step: ClaimedStep) -> None:
    begin(step, ask(1))
    begin(step, ask(2, hedge=True))
    assert envelope(step).tokens_held == 300
    lost, won = Settlement(sent=True, call=1, error="call.stopped"), Settlement(sent=True, call=2, usage=COST)
    turn(completions=[Completion(step, settle=(lost, won))])
    assert holds(step) == [(1, "settled", 150, "call.stopped"), (2, "settled", 15, "")]
    books = envelope(step)
    assert (books.tokens_held, books.tokens_spent, books.usd_spent) == (0, 165, Decimal("0.165"))


def test_all_calls_of_a_dead_worker_settle_at_their_worst_case(cast: Cast) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    (step,) = turn(claims=[StepRef(run.task.id, run.step("a").n)], lease_s=0).claimed
    begin(step, ask(1))
    begin(step, ask(2, hedge=True))
    sweep(hint_s=0)
    assert [(call, state, tokens) for call, state, tokens, _ in holds(step)] == [
        (1, "settled", 150),
        (2, "settled", 150),
    ]
    assert (envelope(step).tokens_held, envelope(step).tokens_spent) == (0, 300)


def test_a_freeze_of_the_second_model_refuses_that_call_and_leaves_the_first_running(
    step: ClaimedStep, cast: Cast
) -> None:
    begin(step, ask(1))
    with tenant_scope(step.tenant):
        frozen = freeze(actor=cast.owner.user, kind="model", subject="p/other", reason="an incident")
    try:
        answer = begin(step, ask(2, "other", hedge=True))
        assert answer["frozen"].startswith("Frozen: model p/other, by ") and "granted" not in answer
        assert holds(step) == [(1, "open", 150, "")]
        turn(completions=[Completion(step, settle=(Settlement(sent=True, usage=COST),))])
        assert holds(step) == [(1, "settled", 15, "")]
    finally:
        with tenant_scope(step.tenant):
            thaw(actor=cast.owner.user, frozen=list(Freeze.objects.filter(id=frozen.id)))


def test_a_worker_of_the_release_before_says_one_settlement_alone(step: ClaimedStep) -> None:
    """Old and new overlap in a deploy."""
    begin(step, ask(1))
    said = {**Completion(step).to_json(), "settle": {"sent": True, "usage": COST}}
    nothing = {**Begin(step).to_json(), "settle": None}
    engine._call(
        "SELECT what, body FROM engine_turn('w/1', ARRAY['llm'], 0, 30, 30, %s::jsonb, %s::jsonb, '[]')",
        engine.wire([said]),
        engine.wire([nothing]),
    )
    assert holds(step) == [(1, "settled", 15, "")]


CLOSINGS = st.lists(
    st.sampled_from(
        [
            {"sent": True, "usage": COST},
            {"sent": True, "usage": None},
            {"sent": False, "usage": None},
        ]
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(closings=CLOSINGS, repeat=st.booleans())
def test_any_sequence_of_calls_leaves_nothing_held_and_pays_each_once(
    cast: Cast, closings: list[dict[str, Any]], repeat: bool
) -> None:
    run = Driven(cast.owner, {"id": "a"}).planned()
    (step,) = turn(claims=[StepRef(run.task.id, run.step("a").n)]).claimed
    closed: list[Settlement] = []
    for call, how in enumerate(closings, 1):
        for _ in range(2 if repeat else 1):
            begin(step, ask(call), *closed)
        closed.append(Settlement(call=call, **how))
    for _ in range(2 if repeat else 1):
        turn(completions=[Completion(step, settle=tuple(closed))])
    due = sum(15 if how["usage"] else 150 if how["sent"] else 0 for how in closings)
    assert (envelope(step).tokens_held, envelope(step).tokens_spent) == (0, due)
