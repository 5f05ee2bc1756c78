"""Budgets over HTTP: what they say, in pages; limits that can be changed, never below what is booked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from webapp.agent_tasks.models import Task
from webapp.audit.models import AuditEntry
from webapp.budgets.envelopes import near_their_limits
from webapp.budgets.models import UNITS, Envelope
from webapp.budgets.periods import open_budget
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    return submit_task(principal=cast.user.principal, submission=Submission(query="Dear?", session="dear"))


@pytest.fixture
def envelope(task: Task) -> Envelope:
    """The session's: 700 tokens spent, 150 held, 50 of them billed beyond a hold."""
    with tenant_scope(task.tenant_id):
        found = Envelope.objects.get(owner_id=task.session_id)
        figures = {"tokens_limit": 1000, "tokens_spent": 700, "tokens_held": 150, "tokens_overrun": 50}
        Envelope.objects.filter(id=found.id).update(**figures, usd_limit=None)
        return found


def ask(who: Person, path: str, **query: Any) -> Any:
    answer = Client().get(path, query, headers={"X-API-Key": who.api_key})
    assert answer.status_code == 200, answer.content
    return answer.json()


def change(who: Person, envelope: Envelope, body: Any) -> tuple[int, Any]:
    headers = {"X-API-Key": who.api_key}
    answer = Client().patch(f"/api/v1/budgets/{envelope.id}", body, "application/json", headers=headers)
    return answer.status_code, answer.json()


def test_a_budget_says_whose_it_is_and_what_is_spent_held_left_and_over(
    cast: Cast, task: Task, envelope: Envelope
) -> None:
    body = ask(cast.operator, f"/api/v1/budgets/{envelope.id}")
    assert body["level"] == "session" and body["owner"] == {"id": str(task.session_id), "name": "Dear?"}
    assert body["units"]["tokens"] == {"limit": 1000, "spent": 700, "held": 150, "left": 200, "overrun": 50}
    assert body["units"]["usd"] == {"limit": None, "spent": 0.0, "held": 0.0, "left": None, "overrun": 0.0}


def test_every_unit_of_the_engine_is_told_and_can_be_limited(cast: Cast, envelope: Envelope) -> None:
    assert list(ask(cast.operator, f"/api/v1/budgets/{envelope.id}")["units"]) == list(UNITS)
    limits = {f"{unit}_limit": 900 for unit in UNITS}
    status, body = change(cast.admin, envelope, limits)
    assert status == 200 and {unit["limit"] for unit in body["units"].values()} == {900}
    change(cast.admin, envelope, dict.fromkeys(limits))


def test_a_days_budget_that_no_call_has_begun_anew_is_unspent(cast: Cast, task: Task) -> None:
    day = open_budget(tenant=cast.acme.id, level="session", owner=task.session_id, period="day")
    at = datetime.now(UTC)
    try:
        for began, spent in ((at, 90), (at - timedelta(days=1), 0)):
            with tenant_scope(cast.acme.id):
                Envelope.objects.filter(id=day).update(tokens_limit=100, tokens_spent=90, window_start=began)
                assert [found.id for found in near_their_limits(cast.acme.id)] == ([day] if spent else [])
            body = ask(cast.operator, "/api/v1/budgets", period="day")["budgets"]
            assert [(row["id"], row["units"]["tokens"]["spent"]) for row in body] == [(str(day), spent)]
    finally:
        with tenant_scope(cast.acme.id):
            Envelope.objects.filter(id=day).delete()


def test_pages_of_budgets_lose_none(cast: Cast, task: Task) -> None:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = ask(cast.operator, "/api/v1/budgets", limit=1, **({"cursor": cursor} if cursor else {}))
        found += [row["level"] for row in body["budgets"]]
        cursor = body["next_cursor"]
    assert sorted(found) == ["session", "task", "tenant", "user"]


def test_budgets_are_found_by_level_and_owner(cast: Cast, task: Task) -> None:
    def levels(**query: Any) -> list[str]:
        return [row["level"] for row in ask(cast.operator, "/api/v1/budgets", **query)["budgets"]]

    assert levels(level="task") == ["task"] and levels(owner=str(task.session_id)) == ["session"]
    assert levels(level="user", owner=str(task.id)) == []


@pytest.mark.parametrize("query", ["level=x", "owner=x", "cursor=x", "limit=0", "limit=x"])
def test_an_odd_question_is_refused(query: str, cast: Cast) -> None:
    headers = {"X-API-Key": cast.operator.api_key}
    answer = Client().get(f"/api/v1/budgets?{query}", headers=headers)
    assert answer.status_code == 400 and query.split("=")[0] in answer.json()["error"]


def test_a_limit_is_changed_alone_and_kept_with_who_and_what(cast: Cast, envelope: Envelope) -> None:
    status, body = change(cast.admin, envelope, {"tokens_limit": 5000})
    assert status == 200 and body["units"]["tokens"]["limit"] == 5000 and body["units"]["tokens"]["left"] == 4200
    assert change(cast.admin, envelope, {"usd_limit": 1.5})[1]["units"]["usd"]["limit"] == 1.5
    status, body = change(cast.admin, envelope, {"tokens_limit": None})
    assert status == 200 and body["units"]["tokens"]["limit"] is None and body["units"]["usd"]["limit"] == 1.5
    with tenant_scope(cast.acme.id):
        told = list(AuditEntry.objects.filter(action="envelope.changed", actor=cast.admin.user).order_by("id"))
    assert [entry.detail for entry in told][-3:] == [
        {"tokens_limit": ["1000", "5000"]},
        {"usd_limit": ["None", "1.5"]},
        {"tokens_limit": ["5000", "None"]},
    ]


def test_a_limit_below_what_is_booked_is_refused_whole(cast: Cast, envelope: Envelope) -> None:
    status, body = change(cast.admin, envelope, {"tokens_limit": 799, "usd_limit": 3})
    assert status == 409 and body["code"] == "budget.limit_too_low" and "tokens_limit: 800 is already" in body["error"]
    with tenant_scope(cast.acme.id):
        kept = Envelope.objects.get(id=envelope.id)
    assert (kept.tokens_limit, kept.usd_limit) == (1000, None)
    assert change(cast.admin, envelope, {"tokens_limit": 800})[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {}, [], {"tokens_limit": -1}, {"tokens_limit": 1.5}, {"tokens_limit": True}, {"tokens_limit": "x"},
        {"tokens_limit": 2**63}, {"usd_limit": "NaN"}, {"usd_limit": 1e9}, {"usd_limit": "0.00000000001"},
        {"tokens_spent": 0}, {"usd_limit": ""}, {"usd_limit": "1e999999"},
    ],
)  # fmt: skip
def test_what_is_no_limit_is_refused(body: Any, cast: Cast, envelope: Envelope) -> None:
    assert change(cast.admin, envelope, body)[0] == 400


def test_only_admins_and_owners_change_limits_and_strangers_find_nothing(cast: Cast, envelope: Envelope) -> None:
    assert change(cast.user, envelope, {"tokens_limit": None})[0] == 403
    assert change(cast.operator, envelope, {"tokens_limit": None})[0] == 403
    assert change(cast.stranger, envelope, {"tokens_limit": None})[0] == 404
    assert ask(cast.stranger, "/api/v1/budgets")["budgets"] == []
    headers = {"X-API-Key": cast.stranger.api_key}
    assert Client().get(f"/api/v1/budgets/{envelope.id}", headers=headers).status_code == 404
    assert change(cast.owner, envelope, {"tokens_limit": None})[0] == 200
