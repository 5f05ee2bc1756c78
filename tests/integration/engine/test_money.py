"""Budgets in every unit, of agents and of periods: shares, windows, alerts, and a ledger that explains every balance."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cast import Cast, Person, person
from tests.support.driven import Driven, turn
from webapp.budgets.models import UNITS, Alert, Envelope
from webapp.budgets.periods import open_budget
from webapp.budgets.verify import verify
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, NewStep, Settlement
from webapp.progress.models import Event
from webapp.tenants.models import Role
from webapp.tenants.services import create_tenant

PRICE = Decimal("0.001")


@pytest.fixture
def apart() -> Person:
    """Of a tenant of its own, whose books nobody else touches."""
    made = create_tenant(name="Initech", tier="enterprise", session_tokens=10**12)
    return person(made, "owner", Role.OWNER)


def ask(tokens: int = 400, *, prompt: int = 100, **more: Any) -> HoldRequest:
    given: dict[str, Any] = {"least_tokens": 10, "input_usd": PRICE, "output_usd": PRICE, **more}
    return HoldRequest("turn", "p", "m", prompt, tokens, **given)


def begin(step: ClaimedStep, hold: HoldRequest) -> dict[str, Any]:
    return turn(begins=[Begin(step, hold=hold)]).begun[step.attempt]


def end(step: ClaimedStep, tokens: int, **said: Any) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "cached_tokens": 0, "usd": str(tokens * PRICE)}
    turn(completions=[Completion(step, settle=(Settlement(sent=True, usage=usage),), **said)])


def envelope(run: Driven, level: str = "task", name: str = "", period: str = "total") -> Envelope:
    task = run.task
    owner = {"tenant": task.tenant_id, "user": task.user_id, "session": task.session.id}.get(level, task.id)
    with tenant_scope(task.tenant_id):
        return Envelope.objects.get(level=level, owner_id=owner, name=name, period=period)


def limit(found: Envelope, **limits: Any) -> None:
    with tenant_scope(found.tenant_id):
        Envelope.objects.filter(id=found.id).update(**limits)


def thresholds(run: Driven) -> list[tuple[str, int]]:
    with tenant_scope(run.task.tenant_id):
        told = Event.objects.filter(task_id=run.task.id, type="BUDGET_THRESHOLD").order_by("seq")
        return [(event.payload["budget_type"], event.payload["threshold_percent"]) for event in told]


def planned(person: Person, *names: str, **given: Any) -> Driven:
    return Driven(person, *({"id": name} for name in names), **given).planned()


# --- agents ---


def test_agents_share_what_their_task_has_equally(cast: Cast) -> None:
    """The third is whoever writes up what the two have found."""
    run = planned(cast.owner, "a", "b", limits={"tokens": 1200, "usd": 0.9})
    assert begin(run.claim("a"), ask(4096))["granted"] == 200, (
        "0.3 USD are its third: 300 tokens, 100 of them the prompt"
    )
    assert begin(run.claim("b"), ask(4096))["granted"] == 200
    assert [envelope(run, "agent", name).tokens_limit for name in "ab"] == [400, 400]
    assert envelope(run).tokens_held == 600


def test_what_an_agent_leaves_is_there_for_one_that_needs_more(cast: Cast) -> None:
    run = planned(cast.owner, "a", "b", limits={"tokens": 1200})
    greedy, modest = run.claim("b"), run.claim("a")
    assert begin(greedy, ask(4096))["granted"] == 300 and begin(modest, ask(100))["granted"] == 100
    more = HoldRequest("turn", "p", "m", 100, 4096, 200, PRICE, PRICE, call=2)
    refused = begin(greedy, more)["refused"]
    assert (refused["level"], refused["name"], refused["left"]) == ("agent", "b", 200), "half of what nobody has yet"
    end(modest, 120)
    assert begin(greedy, more)["granted"] == 340, "1080 - 400 are free now; one more agent is to come"
    assert envelope(run, "agent", "b").tokens_limit == 400 + 440


def test_an_agent_has_no_more_than_the_caller_allows_one(cast: Cast) -> None:
    run = planned(cast.owner, "a", limits={"tokens": 10_000}, agent_tokens=300)
    assert begin(run.claim("a"), ask(4096))["granted"] == 200


def test_an_agents_budget_is_its_tasks_alone(cast: Cast) -> None:
    """Two tasks have agents of the same name."""
    first, second = (planned(cast.owner, "a", limits={"tokens": 1000}) for _ in range(2))
    begin(first.claim("a"), ask(100))
    begin(second.claim("a"), ask(300))
    assert [envelope(run, "agent", "a").tokens_held for run in (first, second)] == [200, 400]


# --- other units ---


def test_tool_calls_are_counted_and_refused_beyond_their_limit(cast: Cast) -> None:
    run = planned(cast.owner, "a", "b", limits={"tool_calls": 1})
    tool = HoldRequest("tool", "", "calculator", tool_calls=1)
    first, second = run.claim("a"), run.claim("b")
    assert begin(first, tool)["granted"] == 0
    refused = begin(second, tool)["refused"]
    assert (refused["level"], refused["unit"], refused["left"]) == ("task", "tool_calls", 0)
    turn(completions=[Completion(first, settle=(Settlement(sent=False),))])
    assert begin(second, tool)["granted"] == 0, "what was not sent is not counted"


def test_a_call_may_take_the_time_that_is_left(cast: Cast) -> None:
    run = planned(cast.owner, "a", "b", limits={"seconds": 100})
    first, second = run.claim("a"), run.claim("b")
    assert begin(first, ask(seconds=70, least_seconds=1))["seconds"] == 70
    assert begin(second, ask(seconds=70, least_seconds=1))["seconds"] == 30
    end(first, 100)
    end(second, 100)
    books = envelope(run)
    assert books.seconds_held == 0 and 0 < books.seconds_spent < 30, "by the database's clock"


def test_fuel_is_granted_up_to_what_is_left_and_counted_where_it_is_limited(cast: Cast) -> None:
    run, free = planned(cast.owner, "a", "b", limits={"fuel": 100}), planned(cast.owner, "a")
    tool = HoldRequest("tool", "", "python_executor", fuel=70, least_fuel=20, tool_calls=1)
    first, second = run.claim("a"), run.claim("b")
    assert {"fuel": 70, "metered": True}.items() <= begin(first, tool).items()
    assert {"fuel": 30, "metered": True}.items() <= begin(second, tool).items()
    assert "metered" not in begin(free.claim("a"), tool)
    turn(completions=[Completion(first, settle=(Settlement(sent=True, usage={"usd": "0", "fuel": 15}),))])
    turn(completions=[Completion(second, settle=(Settlement(sent=True),))])
    assert (envelope(run).fuel_spent, envelope(run).fuel_held) == (45, 0), "the second was lost: all of its hold"


def test_too_little_fuel_is_refused(cast: Cast) -> None:
    run = planned(cast.owner, "a", limits={"fuel": 10})
    refused = begin(run.claim("a"), HoldRequest("tool", "", "python_executor", fuel=70, least_fuel=20))["refused"]
    assert (refused["unit"], refused["left"]) == ("fuel", 10)


def test_steps_beyond_the_fan_out_are_not_added_and_their_adder_fails(cast: Cast) -> None:
    run = planned(cast.owner, "a", "b", limits={"steps": 5})  # of which the plan has added three
    first, second = run.claim("a"), run.claim("b")
    two = [NewStep("llm.turn", "c"), NewStep("llm.turn", "d")]
    turn(completions=[Completion(first, grow=two)])
    turn(completions=[Completion(second, grow=two[:1])])
    error = run.step("b").error
    assert error and error["code"] == "budget.exceeded" and "0 of 5 steps; this one would add 1" in error["message"]
    assert envelope(run).steps_spent == 5 and len(run.steps()) == 2 + 5
    assert ("task", 100) in thresholds(run)


def test_a_turn_that_is_said_again_adds_and_books_its_steps_once(cast: Cast) -> None:
    run = planned(cast.owner, "a")
    added = Completion(run.claim("a"), grow=[NewStep("llm.turn", "b")])
    turn(completions=[added])
    booked = envelope(run).steps_spent
    assert turn(completions=[added]).stale and envelope(run).steps_spent == booked == len(run.steps()) - 2


# --- periods ---


def test_a_days_budget_holds_open_tasks_at_once_and_begins_anew(cast: Cast) -> None:
    run = planned(cast.owner, "a", "b", "c")
    before = run.claim("a")
    begin(before, ask(300))
    day = open_budget(tenant=run.task.tenant_id, level="session", owner=run.task.session.id, period="day")
    daily = envelope(run, "session", period="day")
    assert daily.id == day and daily.tokens_held == 0, "what was held before stays where it is held"
    limit(daily, tokens_limit=500)
    step, late = run.claim("b"), run.claim("c")
    assert begin(step, ask(4096))["granted"] == 400
    end(before, 90)
    assert envelope(run, "session", period="day").tokens_spent == 0
    end(step, 450)
    assert begin(late, ask(4096))["refused"]["period"] == "day"
    limit(daily, window_start=daily.window_start - timedelta(days=1))
    assert begin(late, ask(4096))["granted"] == 400, "a new day, of which nothing is spent"
    assert envelope(run, "session", period="day").window_start > daily.window_start
    assert not [each for each in verify(run.task.tenant_id).differences if each.envelope == day]


@pytest.mark.parametrize(
    ("level", "period", "named"), [("agent", "day", "level"), ("user", "week", "period"), ("user", "day", "owner")]
)
def test_a_budget_of_what_is_not_there_is_refused_by_name(cast: Cast, level: str, period: str, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        open_budget(tenant=cast.acme.id, level=level, owner=uuid4(), period=period)


def test_another_tenant_opens_no_budget_of_mine(cast: Cast) -> None:
    with pytest.raises(Invalid, match="owner"):
        open_budget(tenant=cast.globex.id, level="user", owner=cast.owner.user.id, period="day")


# --- alerts ---


def test_the_owner_hears_once_of_most_of_a_limit_and_once_of_all_of_it(cast: Cast) -> None:
    run = planned(cast.owner, "a", "b", "c", limits={"tokens": 1000})
    for name, tokens in (("a", 700), ("b", 150)):
        step = run.claim(name)
        turn(begins=[Begin(step, hold=HoldRequest("turn", "p", "m", 10, 10, 1))])
        end(step, tokens)
        assert thresholds(run) == ([] if name == "a" else [("task", 80)])
    last = run.claim("c")
    for _ in range(2):
        assert begin(last, ask(prompt=400))["refused"]["level"] == "task"
    with tenant_scope(run.task.tenant_id):
        alerts = list(
            Alert.objects.filter(owner_id=run.task.id).order_by("id").values_list("unit", "percent", "used_value")
        )
    assert alerts == [("tokens", 80, 850), ("tokens", 100, 850)]
    assert thresholds(run) == [("task", 80), ("task", 100)]


# --- the ledger explains every balance ---


def test_a_balance_that_is_not_its_ledgers_is_named(apart: Person, cast: Cast) -> None:
    run = planned(apart, "a", "b")
    step = run.claim("a")
    begin(step, ask(seconds=9))
    end(step, 77)
    begin(run.claim("b"), ask())
    result = verify(apart.principal.tenant_id)
    assert result.sound and result.open == 1 and result.holds >= 3
    limit(envelope(run), tokens_spent=F("tokens_spent") + 1)
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 balances are wrong"):
        call_command("verify_budgets", "--tenant", str(apart.principal.tenant_id), stdout=said)
    assert f"differs: task {run.task.id} total: 78 tokens spent, 77 by the ledger" in said.getvalue()
    limit(envelope(run), tokens_spent=F("tokens_spent") - 1)
    assert str(run.task.id) not in str(verify(cast.acme.id)), "each tenant's is its own"


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    calls=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 300), st.sampled_from(["paid", "lost", "unsent"])),
        min_size=1,
        max_size=6,
        unique_by=lambda call: call[0],
    ),
    most=st.integers(0, 900),
)
def test_whatever_becomes_of_calls_every_balance_is_its_ledgers(apart: Person, calls: list[Any], most: int) -> None:
    run = planned(apart, "a", "b", "c", limits={"tokens": most, "tool_calls": 2})
    for name, tokens, fate in calls:
        step = run.claim(name)
        answer = begin(step, ask(tokens, seconds=5, tool_calls=1))
        if "granted" in answer:
            settle = {
                "paid": Settlement(True, {"prompt_tokens": 1, "completion_tokens": tokens * 2, "usd": "0.1"}),
                "lost": Settlement(True),
                "unsent": Settlement(False),
            }[fate]
            turn(completions=[Completion(step, settle=(settle,), grow=[NewStep("llm.turn", name)])])
    result = verify(run.task.tenant_id)
    assert result.differences == [] and result.over == []
    books = envelope(run)
    assert all(getattr(books, f"{unit}_held", 0) == 0 for unit in UNITS)
