"""What the engine reads of its tables is what it was asked about: other work of the same tenant costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import connections, transaction

from tests.support.cast import Person, person
from tests.support.driven import Driven, turn
from webapp.budgets.models import Envelope, Level
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.steps import Begin, Completion, HoldRequest, Settlement
from webapp.tenants.models import Role
from webapp.tenants.services import create_tenant

T = TypeVar("T")
OTHERS = 500  # budgets of the tenant's that have nothing to do with the task
MOST = 150  # rows of one step's way; with a look at each of the others it would be OTHERS more


@pytest.fixture
def busy() -> Person:
    """Of a tenant with many budgets."""
    made = create_tenant(name="Initrode", tier="enterprise", session_tokens=10**9)
    owner = person(made, "owner", Role.OWNER)
    with tenant_scope(made.id):
        Envelope.objects.bulk_create(
            Envelope(tenant=made, level=Level.SESSION, owner_id=uuid4()) for _ in range(OTHERS)
        )
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


def test_a_submit_and_a_step_read_no_more_with_many_budgets(busy: Person) -> None:
    rows, run = read(lambda: Driven(busy, {"id": "a"}, {"id": "b", "depends_on": ["a"]}))
    assert 0 < rows < MOST
    step = run.planned().claim("a")
    hold = HoldRequest("turn", "p", "m", 10, 10, least_tokens=1)
    rows, begun = read(lambda: turn(begins=[Begin(step, hold=hold)]).begun)
    assert begun[step.attempt]["granted"] == 10 and 0 < rows < MOST
    rows, done = read(lambda: turn(completions=[Completion(step, settle=(Settlement(sent=True),))]).done)
    assert done == {step.attempt} and 0 < rows < MOST
