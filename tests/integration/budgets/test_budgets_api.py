"""Budgets over HTTP: what they say, in pages; limits that can be changed, never below what is booked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

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


def open_one(who: Person, **body: Any) -> tuple[int, Any]:
    headers = {"X-API-Key": who.api_key}
    answer = Client().post("/api/v1/budgets", body, "application/json", headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("level", "owner"),
    [("tenant", None), ("tenant", "id"), ("user", "id"), ("user", "email"), ("session", "id"), ("session", "name"), ("task", "id")],
)  # fmt: skip
def test_a_budget_for_a_month_is_opened_once_and_is_its_owners(
    level: str, owner: str | None, cast: Cast, task: Task
) -> None:
    ids = {"tenant": cast.acme.id, "user": task.user_id, "session": task.session_id, "task": task.id}
    named = {"id": str(ids[level]), "email": cast.user.user.email.upper(), "name": "dear"}
    said = {"level": level, "period": "month"} | ({"owner": named[owner]} if owner else {})
    try:
        status, body = open_one(cast.admin, **said, tokens_limit=9000, alert_percent=60)
        assert status == 201 and (body["level"], body["period"], body["alert_percent"]) == (level, "month", 60)
        assert body["owner"]["id"] == str(ids[level]) and body["units"]["tokens"]["limit"] == 9000
        assert body["window_start"].endswith("-01T00:00:00Z") and body["window_end"].endswith("-01T00:00:00Z")
        status, again = open_one(cast.admin, **said, usd_limit=2)
        assert status == 200 and again["id"] == body["id"] and again["units"]["usd"]["limit"] == 2
        assert (again["units"]["tokens"]["limit"], again["alert_percent"]) == (9000, 60), "what isn't named stays"
        with tenant_scope(cast.acme.id):
            assert UUID(body["id"]) in Task.objects.get(id=task.id).envelopes, "the open task spends from it"
            told = [entry.action for entry in AuditEntry.objects.order_by("-id")[:3]]
        assert told == ["envelope.changed", "envelope.changed", "envelope.opened"]
    finally:
        forget(cast, "month")


def forget(cast: Cast, period: str) -> None:
    with tenant_scope(cast.acme.id):
        gone = set(Envelope.objects.filter(period=period).values_list("id", flat=True))
        for task in Task.objects.filter(finished_at=None):
            Task.objects.filter(id=task.id).update(envelopes=[one for one in task.envelopes if one not in gone])
        Envelope.objects.filter(id__in=gone).delete()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"level": "agent"}, "level"), ({"level": None}, "level"), ({"level": ["tenant"]}, "level"),
        ({"period": "week"}, "period"), ({"period": ""}, "period"), ({"owner": ""}, "owner"), ({"owner": "x"}, "owner"),
        ({"owner": "stranger"}, "owner"), ({"level": "task", "owner": "dear"}, "owner"), ({"owner": 7}, "owner"),
        ({"level": "tenant", "owner": "stranger"}, "owner"), ({"owner": "a\0b"}, "owner"), ({"owner": "x" * 255}, "owner"),
        ({"tokens_limit": -1}, "tokens_limit"), ({"usd_limit": "NaN"}, "usd_limit"), ({"tokens_spent": 0}, "tokens_spent"),
        ({"alert_percent": 0}, "alert_percent"), ({"alert_percent": 101}, "alert_percent"),
        ({"alert_percent": None}, "alert_percent"), ({"alert_percent": 1.5}, "alert_percent"),
    ],
)  # fmt: skip
def test_a_budget_that_can_not_be_is_not_opened_and_the_field_is_named(
    change: dict[str, Any], named: str, cast: Cast, task: Task
) -> None:
    said = {"level": "session", "owner": "dear", "period": "day", "tokens_limit": 10} | change
    if said["owner"] == "stranger":
        said["owner"] = str(cast.globex.id if said["level"] == "tenant" else cast.stranger.user.id)
    status, body = open_one(cast.admin, **said)
    assert status == 400 and body["error"].startswith(f"{named}: ")
    with tenant_scope(cast.acme.id):
        assert not Envelope.objects.filter(period="day").exists()


def test_a_name_that_two_sessions_have_opens_neithers_budget(cast: Cast, task: Task) -> None:
    submit_task(principal=cast.owner.principal, submission=Submission(query="Dear!", session="dear"))
    status, body = open_one(cast.admin, level="session", owner="dear", period="day")
    assert status == 400 and "more than one session" in body["error"]


def test_a_limit_below_what_was_spent_in_the_window_is_refused_and_nothing_else_changes(cast: Cast, task: Task) -> None:
    said = {"level": "task", "owner": str(task.id), "period": "day"}
    try:
        _, body = open_one(cast.admin, **said, tokens_limit=1000)
        with tenant_scope(cast.acme.id):
            Envelope.objects.filter(id=body["id"]).update(tokens_spent=500)
        status, refused = open_one(cast.admin, **said, tokens_limit=499, usd_limit=1, alert_percent=5)
        assert status == 409 and "tokens_limit: 500 is already" in refused["error"]
        kept = ask(cast.operator, f"/api/v1/budgets/{body['id']}")
        assert kept["alert_percent"] == 80 and kept["units"]["usd"]["limit"] is None
    finally:
        forget(cast, "day")


def test_the_part_at_which_the_owner_is_told_is_changed_and_kept_in_the_audit_trail(
    cast: Cast, envelope: Envelope
) -> None:
    assert change(cast.admin, envelope, {"alert_percent": 95})[1]["alert_percent"] == 95
    with tenant_scope(cast.acme.id):
        last = AuditEntry.objects.order_by("-id").first()
    assert last and last.detail == {"alert_percent": ["80", "95"]}
    assert change(cast.admin, envelope, {"alert_percent": "many"})[0] == 400
    change(cast.admin, envelope, {"alert_percent": 80})


def test_only_admins_and_owners_open_budgets_and_for_their_own_tenant(cast: Cast, task: Task) -> None:
    said = {"level": "session", "owner": str(task.session_id), "period": "day"}
    assert open_one(cast.user, **said)[0] == open_one(cast.operator, **said)[0] == 403
    status, body = open_one(cast.stranger, **said)
    assert status == 400 and body["error"] == "owner: is no session of yours"


def test_only_admins_and_owners_change_limits_and_strangers_find_nothing(cast: Cast, envelope: Envelope) -> None:
    assert change(cast.user, envelope, {"tokens_limit": None})[0] == 403
    assert change(cast.operator, envelope, {"tokens_limit": None})[0] == 403
    assert change(cast.stranger, envelope, {"tokens_limit": None})[0] == 404
    assert ask(cast.stranger, "/api/v1/budgets")["budgets"] == []
    headers = {"X-API-Key": cast.stranger.api_key}
    assert Client().get(f"/api/v1/budgets/{envelope.id}", headers=headers).status_code == 404
    assert change(cast.owner, envelope, {"tokens_limit": None})[0] == 200
