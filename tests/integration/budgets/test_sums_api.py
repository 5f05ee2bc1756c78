"""Ledger, usage, burn-down and savings over HTTP: the sums are the ledger's, and another tenant's add nothing."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.ledger import AT, hold, saving
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Envelope, Hold
from webapp.budgets.periods import open_budget
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task

SPAN = {"since": "2026-04-20", "until": "2026-05-10T00:00:00Z"}
MODELS = (("openai", "gpt-5"), ("anthropic", "claude"), ("offline", "rules"))


def ask(who: Person, path: str, **query: Any) -> Any:
    answer = Client().get(f"/api/v1/{path}", query, headers={"X-API-Key": who.api_key})
    assert answer.status_code == 200, answer.content
    return answer.json()


def refused(who: Person, path: str) -> int:
    return Client().get(f"/api/v1/{path}", headers={"X-API-Key": who.api_key}).status_code


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def tasks(cast: Cast) -> list[Task]:
    """Of two people in two sessions; a stranger's comes last."""
    asked = ((cast.user, "one"), (cast.admin, "two"), (cast.stranger, "three"))
    return [submit_task(principal=who.principal, submission=Submission(query=f"In {s}", session=s)) for who, s in asked]


@pytest.fixture(scope="module")
def holds(tasks: list[Task]) -> Iterator[list[Hold]]:
    """Thirty lines of each task over ten days, of which every fifth is settled at its worst case and every sixth released."""
    made = []
    for task in tasks:
        for n in range(1, 31):
            provider, model = MODELS[n % 3]
            sent = n % 6 != 0
            amounts = {
                "prompt_tokens": 100 * n, "completion_tokens": n, "cached_tokens": 10 * n, "usd": Decimal("0.0000000123") * n,
            } if sent else {}  # fmt: skip
            made.append(
                hold(
                    task,
                    n,
                    provider=provider,
                    model=model,
                    agent=f"agent {n % 2}",
                    purpose="plan" if n == 1 else "agent",
                    state="settled" if sent else "released",
                    worst_case=sent and n % 5 == 0,
                    created_at=AT - timedelta(days=n % 10, seconds=n // 3),
                    **amounts,
                )
            )
    yield made


@pytest.fixture(scope="module")
def ours(cast: Cast, holds: list[Hold]) -> list[Hold]:
    return [each for each in holds if each.tenant_id == cast.acme.id]


def settled(holds: list[Hold]) -> list[Hold]:
    return [each for each in holds if each.state == "settled"]


def group_of(hold: Hold, by: str, tasks: list[Task]) -> str:
    task = next(task for task in tasks if task.id == hold.task_id)
    return {
        "day": hold.created_at.date().isoformat(),
        "user": str(task.user_id),
        "session": str(task.session_id),
        "model": f"{hold.provider}/{hold.model}",
        "agent": hold.agent,
        "provider": hold.provider,
        "purpose": hold.purpose,
    }[by]


@pytest.mark.parametrize("by", ["day", "user", "agent", "model", "provider", "session", "purpose"])
def test_every_grouping_sums_to_the_ledger(by: str, cast: Cast, tasks: list[Task], ours: list[Hold]) -> None:
    body = ask(cast.operator, "usage", by=by, **SPAN)
    expected: dict[str, list[Hold]] = defaultdict(list)
    for each in settled(ours):
        expected[group_of(each, by, tasks)].append(each)
    assert {row["key"] for row in body["rows"]} == set(expected)
    for row in [*body["rows"], body["total"]]:
        lines = expected[row["key"]] if "key" in row else settled(ours)
        assert row["calls"] == len(lines)
        assert row["tokens"] == sum(line.prompt_tokens + line.completion_tokens for line in lines)
        assert row["cached_tokens"] == sum(line.cached_tokens for line in lines)
        assert row["usd"] == float(sum(line.usd for line in lines))
        assert row["worst_case_usd"] == float(sum(line.usd for line in lines if line.worst_case))


@pytest.mark.parametrize("by", ["day", "model", "user"])
def test_pages_of_usage_lose_no_group(by: str, cast: Cast, ours: list[Hold]) -> None:
    whole = [row["key"] for row in ask(cast.operator, "usage", by=by, **SPAN)["rows"]]
    found, cursor = [], ""
    while cursor is not None:
        body = ask(cast.operator, "usage", by=by, limit=1, **SPAN, **({"cursor": cursor} if cursor else {}))
        found += [row["key"] for row in body["rows"]]
        cursor = body["next_cursor"]
    assert found == whole and len(whole) > 1


def test_people_and_sessions_are_named(cast: Cast, ours: list[Hold]) -> None:
    assert {row["name"] for row in ask(cast.operator, "usage", by="user", **SPAN)["rows"]} == {
        cast.user.user.email,
        cast.admin.user.email,
    }
    assert {row["name"] for row in ask(cast.operator, "usage", by="session", **SPAN)["rows"]} == {"In one", "In two"}


def test_what_is_held_now_is_told_whatever_the_time_asked_for(cast: Cast, tasks: list[Task]) -> None:
    held = hold(tasks[0], 77, state="open", held_usd=Decimal("0.5"), created_at=datetime.now(UTC), model="held")
    try:
        body = ask(cast.operator, "usage", by="model", since="2025-01-01", until="2025-01-02")
    finally:  # no envelope holds it: the engine's sweep must never meet it
        with tenant_scope(cast.acme.id):
            held.delete()
    assert [(row["key"], row["held_tokens"], row["held_usd"], row["calls"]) for row in body["rows"]] == [
        ("offline/held", 770, 0.5, 0)
    ]


def test_the_ledger_is_filtered_and_its_pages_lose_no_line(cast: Cast, tasks: list[Task], ours: list[Hold]) -> None:
    def steps(**query: Any) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        cursor: dict[str, str] = {}
        while True:
            body = ask(cast.operator, "ledger", limit=7, **query, **cursor)
            found += [(line["task_id"], line["step"]) for line in body["lines"]]
            if body["next_cursor"] is None:
                return found
            cursor = {"cursor": body["next_cursor"]}

    assert sorted(steps(**SPAN)) == sorted((str(h.task_id), h.step) for h in ours)
    assert len(steps(task_id=str(tasks[0].id))) == 30
    assert (
        {step % 3 for _, step in steps(model="openai/gpt-5")} == {0} == {step % 3 for _, step in steps(model="gpt-5")}
    )
    assert len(steps(model="gpt-5")) == 20 == len(steps(model="openai/gpt-5"))
    assert len(steps(state="released")) == 10 and len(steps(agent="agent 1")) == 30
    assert len(steps(since="2026-05-01", until="2026-05-02")) == 6
    assert steps(since="2026-05-02") == []


@pytest.mark.parametrize(
    "query", ["task_id=x", "since=x", "until=2026-13-01", "state=x", "cursor=x", "agent=%00", "limit=501"]
)
def test_an_odd_question_to_the_ledger_is_refused(query: str, cast: Cast) -> None:
    assert refused(cast.operator, f"ledger?{query}") == 400
    if "limit" not in query:
        assert refused(cast.operator, f"ledger?{query}&format=csv") == 400


def csv_of(who: Person, query: str = "", **headers: str) -> list[dict[str, str]]:
    answer: Any = Client().get(f"/api/v1/ledger{query}", headers={"X-API-Key": who.api_key, **headers})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))


def test_the_ledger_as_csv_has_every_line_and_every_decimal(
    cast: Cast, ours: list[Hold], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.budgets.export.PAGE", 7)
    for found in (csv_of(cast.operator, "?format=csv"), csv_of(cast.operator, Accept="text/csv")):
        assert len(found) == len(ours)
        assert sum(Decimal(line["usd"]) for line in found) == sum(line.usd for line in ours)
    monkeypatch.setattr("webapp.budgets.export.MOST_LINES", 14)
    first = csv_of(cast.operator, "?format=csv")
    assert len(first) == 14, "it is bounded, and each line says how to go on"
    headers = {"X-API-Key": cast.operator.api_key}
    query = {"format": "csv", "cursor": first[-1]["cursor"]}
    second: Any = Client().get("/api/v1/ledger", query, headers=headers)
    lines = list(csv.DictReader(io.StringIO(b"".join(second.streaming_content).decode())))
    assert not {line["cursor"] for line in first} & {line["cursor"] for line in lines} and len(lines) == 14


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(name: str, cast: Cast, tasks: list[Task]) -> None:
    made = hold(tasks[0], 500, agent=name, model=name, created_at=AT - timedelta(days=300))
    try:
        lines = csv_of(cast.operator, "?format=csv&until=2025-12-01")
    finally:
        with tenant_scope(cast.acme.id):
            made.delete()
    assert [(line["agent"], line["model"]) for line in lines] == [(f"'{name}", f"'{name}")]


def test_a_burn_down_says_what_was_spent_and_when_the_limit_is_reached(cast: Cast, tasks: list[Task]) -> None:
    at = datetime.now(UTC)
    made = [hold(tasks[1], 600 + n, prompt_tokens=70, usd=0, created_at=at - timedelta(days=n)) for n in (0, 1, 2)]
    with tenant_scope(cast.acme.id):
        Envelope.objects.filter(owner_id=tasks[1].session_id).update(
            tokens_limit=1000, tokens_spent=700, created_at=at - timedelta(days=20)
        )
    try:
        body = ask(cast.operator, "usage/burn-down", level="session", owner=str(tasks[1].session_id), days=4)
    finally:
        with tenant_scope(cast.acme.id):
            Hold.objects.filter(task=tasks[1], step__gte=600).delete()
            Envelope.objects.filter(owner_id=tasks[1].session_id).update(tokens_spent=0)
    tokens = body["units"]["tokens"]
    assert [row["spent"] for row in tokens["by_day"]] == [0, 70, 70, 70] and len(made) == 3
    assert [row["left"] for row in tokens["by_day"]] == [510, 440, 370, 300]
    assert tokens["per_day"] == 30 and tokens["reached_on"] == (at.date() + timedelta(days=10)).isoformat()
    assert body["units"]["usd"]["limit"] is None and body["units"]["usd"]["reached_on"] is None


@pytest.mark.parametrize(("period", "left"), [("day", [30, 30, 30, 30]), ("month", None)])
def test_a_budget_that_begins_anew_has_all_of_it_left_then(
    period: str, left: list[int] | None, cast: Cast, tasks: list[Task]
) -> None:
    at = datetime.now(UTC)
    task = tasks[0]
    found = open_budget(tenant=cast.acme.id, level="task", owner=task.id, period=period)
    for n in range(4):
        hold(task, 700 + n, prompt_tokens=70, created_at=at - timedelta(days=n))
    with tenant_scope(cast.acme.id):
        Envelope.objects.filter(id=found).update(tokens_limit=100, tokens_spent=70)
    try:
        body = ask(cast.operator, "usage/burn-down", level="task", owner=str(task.id), period=period, days=4)
    finally:
        with tenant_scope(cast.acme.id):
            Hold.objects.filter(task=task, step__gte=700).delete()
            Envelope.objects.filter(id=found).delete()
    days = body["units"]["tokens"]["by_day"]
    in_month = [sum(70 for d in days if d["day"][:7] == day["day"][:7] and d["day"] <= day["day"]) for day in days]
    assert [day["left"] for day in days] == (left or [max(100 - gone, 0) for gone in in_month])


def test_calls_of_tools_are_counted_beside_those_of_models(cast: Cast, tasks: list[Task]) -> None:
    at = AT - timedelta(days=200)
    made = [
        hold(tasks[0], 800, provider="", model="calculator", tool_calls=1, seconds=Decimal("0.5"), created_at=at),
        hold(tasks[0], 800, call=0, provider="", model="", steps=3, created_at=at),
    ]
    span = {"since": (at - timedelta(days=1)).date().isoformat(), "until": (at + timedelta(days=1)).date().isoformat()}
    try:
        body = ask(cast.operator, "usage", by="model", **span)
        lines = ask(cast.operator, "ledger", **span)["lines"]
    finally:
        with tenant_scope(cast.acme.id):
            Hold.objects.filter(task=tasks[0], step=800).delete()
    assert len(made) == 2 and [(row["name"], row["calls"], row["tool_calls"]) for row in body["rows"]] == [
        ("tool calculator", 0, 1)
    ]
    assert body["total"]["seconds"] == 0.5 and [line["model"] for line in lines] == ["calculator"], (
        "added steps are no call"
    )


def test_savings_have_their_sign_and_their_share(cast: Cast, tasks: list[Task], ours: list[Hold]) -> None:
    made = [
        saving(tasks[0], cause="exact", usd=Decimal("0.3")),
        saving(tasks[1], cause="provider_cache", usd=Decimal("-0.1"), tokens=0),
        saving(tasks[2], cause="exact", usd=Decimal("100")),
    ]
    body = ask(cast.operator, "savings", **SPAN)
    assert len(made) == 3 and [(row["key"], row["usd"]) for row in body["rows"]] == [
        ("exact", 0.3),
        ("provider_cache", -0.1),
    ]
    paid = float(sum(line.usd for line in settled(ours)))
    assert body["total"]["usd"] == 0.2 and body["total"]["paid_usd"] == paid
    assert body["total"]["share"] == pytest.approx(0.2 / (0.2 + paid))
    assert ask(cast.operator, "savings", by="model", **SPAN)["rows"][0]["key"] == "openai/gpt-5"
    assert ask(cast.operator, "savings", by="day", **SPAN)["rows"][0]["key"] == "2026-05-01"


@pytest.mark.parametrize("path", ["usage?by=x", "usage?since=x", "usage?cursor=x", "usage?since=2026-01-02&until=2026-01-01",
                                  "usage?since=2020-01-01", "savings?by=user", "usage/burn-down?level=user", "usage/burn-down?days=401"])  # fmt: skip
def test_an_odd_question_is_refused(path: str, cast: Cast) -> None:
    assert refused(cast.operator, path) == 400


def test_a_stranger_sums_only_their_own_and_a_user_sees_none(cast: Cast, tasks: list[Task], ours: list[Hold]) -> None:
    assert ask(cast.stranger, "usage", by="session", **SPAN)["rows"][0]["name"] == "In three"
    assert {line["task_id"] for line in ask(cast.stranger, "ledger")["lines"]} == {str(tasks[2].id)}
    assert ask(cast.stranger, "ledger", task_id=str(tasks[0].id))["lines"] == []
    assert {line["task_id"] for line in csv_of(cast.stranger, "?format=csv")} == {str(tasks[2].id)}
    for query in (f"level=session&owner={tasks[0].session_id}", f"level=user&owner={cast.user.user.id}"):
        assert refused(cast.stranger, f"usage/burn-down?{query}") == 404
    for path in ("budgets", "ledger", "ledger?format=csv", "usage", "usage/burn-down", "savings"):
        assert refused(cast.user, path) == 403
