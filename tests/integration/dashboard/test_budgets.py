"""Budgets: what is left, whose it is, what is held now, and a ledger that loses no line between its pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Envelope, Hold
from webapp.common.tenancy import tenant_scope
from webapp.dashboard import budgets
from webapp.orchestration.submit import Submission, submit_task

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    submission = Submission(query="What does it cost?", session="dear")
    return submit_task(principal=cast.user.principal, submission=submission)


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.operator)


def hold(task: Task, step: int, **given: Any) -> Hold:
    """Written by hand, as the engine's SQL would."""
    fields = {
        "fence": 1, "purpose": "agent", "provider": "offline", "model": "rules", "held_tokens": 10 * step,
        "state": "settled", "created_at": AT, **given,
    }  # fmt: skip
    with tenant_scope(task.tenant_id):
        return Hold.objects.create(tenant_id=task.tenant_id, task=task, step=step, **fields)


def test_each_budget_says_what_is_spent_held_left_and_billed_beyond(client: Client, task: Task) -> None:
    with tenant_scope(task.tenant_id):
        Envelope.objects.filter(owner_id=task.id).update(
            tokens_limit=1000, tokens_spent=700, tokens_held=150, tokens_overrun=50, usd_limit=Decimal(2), usd_spent=1
        )
    page = client.get("/budgets?level=task").content.decode()
    assert "700 spent, 150 held, 200 left of 1,000" in page and "$1.00 spent, $1.00 left of $2.00" in page
    assert "Billed beyond what was held: 50 tokens" in page


def test_budgets_are_named_by_their_owners(client: Client, cast: Cast, task: Task) -> None:
    page = client.get("/budgets").content.decode()
    near = page.split('id="near"')[1].split('id="open"')[0]
    assert near.count("What does it cost?") == 2, "the task's, and the session's after its first question"
    assert cast.user.user.email in near and ">Acme<" in near


def test_the_nearest_to_a_limit_comes_first(client: Client, cast: Cast, task: Task) -> None:
    other = submit_task(principal=cast.user.principal, submission=Submission(query="Nearly spent", session="dear"))
    with tenant_scope(task.tenant_id):
        Envelope.objects.filter(owner_id=other.id).update(tokens_limit=1000, tokens_spent=999)
    rows = re.findall(r'<td class="whole"><a href="/tasks/([^"]+)"', client.get("/budgets?level=task").content.decode())
    assert rows[0] == str(other.id)


def test_an_open_hold_shows_its_age_step_and_task(client: Client, task: Task) -> None:
    held = hold(task, 7, state="open", agent="analyst", created_at=datetime.now(UTC) - timedelta(minutes=3))
    try:
        page = client.get("/budgets").content.decode()
    finally:  # no envelope holds it: the engine's sweep must never meet it
        with tenant_scope(task.tenant_id):
            held.delete()
    table = page.split('id="open"')[1].split('id="ledger"')[0]
    assert "3 min" in table and "step 7 · analyst" in table and "What does it cost?" in table


def test_the_ledger_loses_no_line_between_pages_even_of_the_same_moment(
    client: Client, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "LEDGER_SHOWN", 3)
    steps = list(range(100, 110))
    for step in steps:
        hold(task, step, created_at=AT - timedelta(seconds=step // 105))
    found, path = [], "/budgets"
    while path:
        with at_most(12):
            page = client.get(path).content.decode()
        found += [int(step) for step in re.findall(r">step (\d+)<", page.split('id="ledger"')[1])]
        older = re.search(r'before=([^"#]+)', page)
        path = f"/budgets?before={older[1]}" if older else ""
    assert sorted(found) == steps


@pytest.mark.parametrize("odd", ["x", "2026-01-01", "~~~", "2026-01-01T00:00:00~" + "a" * 36 + "~1~1", "%00"])
def test_an_odd_place_begins_at_the_newest(odd: str, client: Client, task: Task) -> None:
    answer = client.get(f"/budgets?before={odd}&level=odd")
    assert answer.status_code == 200 and "No older line" not in answer.content.decode()


def test_operators_see_their_tenants_budgets_and_a_user_sees_none(cast: Cast, task: Task) -> None:
    assert signed_in(cast.user).get("/budgets").status_code == 403
    page = signed_in(cast.stranger).get("/budgets").content.decode()
    assert str(task.id) not in page and "What does it cost?" not in page and "Try the example" in page
