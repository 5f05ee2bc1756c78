"""What the engine reads of its tables is what it was asked about: other work of the same tenant costs nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import psycopg
import pytest
from django.db import connections, transaction

from tests.support.cast import Person, person
from tests.support.driven import Driven, turn
from webapp.agent_sessions.models import Session
from webapp.budgets.models import Envelope, Level
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.steps import Begin, Completion, HoldRequest, Settlement
from webapp.tenants.models import Role
from webapp.tenants.services import create_tenant

T = TypeVar("T")
OTHERS = 500  # sessions of the person's and budgets of the tenant's that have nothing to do with the task
MOST = 150  # rows of one step's way; with a look at each of the others it would be OTHERS more


@pytest.fixture
def busy() -> Person:
    """With many sessions, each with a budget."""
    made = create_tenant(name="Initrode", tier="enterprise", session_tokens=10**9)
    owner = person(made, "owner", Role.OWNER)
    with tenant_scope(made.id):
        for n in range(OTHERS):
            session = Session.objects.create(tenant=made, user=owner.user, external_id=f"s{n}", context={})
            Envelope.objects.create(tenant=made, level=Level.SESSION, owner_id=session.id)
    with psycopg.connect(os.environ["HARTLEY_TEST_ADMIN_URL"], autocommit=True) as admin:
        admin.execute("ANALYZE agent_sessions_session")  # as Postgres does itself, once a table has grown
    connections["default"].close()  # what is planned from here on is planned for tables as they are
    return owner


def read(call: Callable[[], T]) -> tuple[int, T]:
    """How many rows of all tables it reads."""
    with transaction.atomic():
        before = _rows()
        said = call()
        return _rows() - before, said


def _rows() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("session", [None, "a new one", "s7"])
def test_a_submit_and_a_step_read_no_more_with_many_sessions(busy: Person, session: str | None) -> None:
    rows, run = read(lambda: Driven(busy, {"id": "a"}, {"id": "b", "depends_on": ["a"]}, session=session))
    assert 0 < rows < MOST
    step = run.planned().claim("a")
    hold = HoldRequest("turn", "p", "m", 10, 10, least_tokens=1)
    rows, begun = read(lambda: turn(begins=[Begin(step, hold=hold)]).begun)
    assert begun[step.attempt]["granted"] == 10 and 0 < rows < MOST
    rows, done = read(lambda: turn(completions=[Completion(step, settle=(Settlement(sent=True),))]).done)
    assert done == {step.attempt} and 0 < rows < MOST
