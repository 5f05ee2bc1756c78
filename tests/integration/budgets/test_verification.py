"""Verifying balances over HTTP and on a page: what it found in words, one at a time, and each tenant its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction
from django.test import Client

from tests.support.cast import Cast, Person, make_cast
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Task
from webapp.api.verification import verification_body
from webapp.budgets.models import Envelope
from webapp.budgets.verify import verified, verify_alone
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task

SOUND = "Every balance is what its ledger says"


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    return submit_task(principal=cast.user.principal, submission=Submission(query="How much?", session="much"))


@contextmanager
def wrong(task: Task) -> Iterator[str]:
    """The task's budget says 7 tokens that no line of the ledger has; its id."""
    with tenant_scope(task.tenant_id):
        found = Envelope.objects.get(level="task", owner_id=task.id)
        Envelope.objects.filter(id=found.id).update(tokens_spent=found.tokens_spent + 7)
    yield str(found.id)
    with tenant_scope(task.tenant_id):
        Envelope.objects.filter(id=found.id).update(tokens_spent=found.tokens_spent)


@contextmanager
def under_way(tenant: UUID) -> Iterator[None]:
    """Somebody else's verification, which has not come to its end."""
    begun, enough = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with tenant_scope(tenant):
                verify_alone(tenant)
                begun.set()
                enough.wait(60)
        finally:
            connections.close_all()

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert begun.wait(60)
        yield
    finally:
        enough.set()
        other.join()


def ask(who: Person) -> tuple[int, Any]:
    answer = Client().get("/api/v1/budgets/verification", headers={"X-API-Key": who.api_key})
    return answer.status_code, answer.json()


def pressed(who: Person) -> tuple[int, str]:
    answer = signed_in(who).post("/budgets/verify")
    return answer.status_code, answer.content.decode()


def test_books_that_agree_are_said_to(cast: Cast, task: Task) -> None:
    status, body = ask(cast.operator)
    assert status == 200 and body["sound"] and (body["budgets"], body["holds"], body["open_holds"]) == (4, 0, 0)
    assert body["differences"] == body["over_limit"] == [] and body["verified_at"].endswith("Z")
    status, page = pressed(cast.operator)
    assert status == 200 and SOUND in page and "4 budgets and 0 holds, 0 of them open" in page


def test_nothing_is_verified_before_the_button_is_pressed(cast: Cast, task: Task) -> None:
    page = signed_in(cast.operator).get("/budgets/verify").content.decode()
    assert "Verify now" in page and "Verified at" not in page and SOUND not in page


def test_a_balance_that_differs_is_told_in_words_and_figures(cast: Cast, task: Task) -> None:
    with wrong(task) as budget:
        _, body = ask(cast.operator)
        _, page = pressed(cast.operator)
        _, theirs = ask(cast.stranger)
    assert not body["sound"] and body["differences"] == [
        {
            "budget_id": budget, "level": "task", "owner_id": str(task.id), "agent": "", "period": "total",
            "unit": "tokens", "what": "spent", "budget": 7, "ledger": 0,
        }
    ]  # fmt: skip
    words = f'<a href="/budgets/{budget}">task How much?</a>: the budget says 7 tokens are spent, its ledger 0.'
    assert words in page and SOUND not in page
    assert theirs["sound"] and theirs["budgets"] == 0


def test_one_runs_at_a_time_and_those_of_other_tenants_beside_it(cast: Cast, task: Task) -> None:
    with under_way(cast.acme.id):
        status, body = ask(cast.operator)
        assert status == 409 and body["code"] == "budget.verification_under_way"
        status, page = pressed(cast.operator)
        assert status == 409 and "being verified just now" in page and SOUND not in page
        assert ask(cast.stranger)[0] == 200
    assert ask(cast.operator)[0] == 200


def test_a_budget_over_its_limit_is_named_with_both_figures(cast: Cast, task: Task) -> None:
    """The database lets none come to be: its constraint is gone for as long as this transaction lasts."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("ALTER TABLE budgets_envelope DROP CONSTRAINT tokens_within_limit")
        cursor.execute("SELECT set_config('hartley.tenant', %s, true)", [str(cast.acme.id)])
        cursor.execute(
            "UPDATE budgets_envelope SET tokens_limit = 10, tokens_spent = 12 WHERE owner_id = %s", [task.id]
        )
        found = verified(cursor, cast.acme.id)
        transaction.set_rollback(True, using="owner")
    assert not found.sound and [str(each) for each in found.over] == [f"task {task.id} total: 12 tokens of 10"]
    assert verification_body(found)["over_limit"][0]["booked"] == 12


def test_the_page_costs_few_queries_however_many_differ(cast: Cast, task: Task) -> None:
    client = signed_in(cast.operator)
    with tenant_scope(cast.acme.id):
        Envelope.objects.update(tokens_spent=7, usd_spent="0.1")
    with at_most(17):  # of which eight open and close transactions
        page = client.post("/budgets/verify").content.decode()
    assert page.count("the budget says ") == 8
    with tenant_scope(cast.acme.id):
        Envelope.objects.update(tokens_spent=0, usd_spent=0)


def test_a_user_verifies_nothing(cast: Cast) -> None:
    assert ask(cast.user)[0] == 403 and pressed(cast.user)[0] == 403
