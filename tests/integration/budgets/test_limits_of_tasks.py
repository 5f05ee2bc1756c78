"""A task's own limits over HTTP: what the columns can hold is taken, and what they can't is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from webapp.budgets.models import Envelope
from webapp.budgets.rules import MOST
from webapp.budgets.units import UNITS, Unit
from webapp.common.tenancy import tenant_scope

EACH_UNIT = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def submit(cast: Cast, **context: Any) -> tuple[int, Any]:
    body = {"query": "How much?", "context": context}
    answer = Client().post("/api/v1/tasks", body, "application/json", headers={"X-API-Key": cast.user.api_key})
    return answer.status_code, answer.json()


@EACH_UNIT
def test_the_highest_limit_of_a_unit_is_the_tasks_own_unless_the_platforms_is_lower(cast: Cast, unit: Unit) -> None:
    status, body = submit(cast, budget={unit.name: MOST[unit.kind]})
    assert status == 200, body
    with tenant_scope(cast.user.principal.tenant_id):
        found = Envelope.objects.get(level="task", owner_id=body["task_id"])
    limit = getattr(found, f"{unit.name}_limit")
    assert 0 < limit < MOST[unit.kind] if unit.name in ("tokens", "usd") else limit == MOST[unit.kind]


@EACH_UNIT
@pytest.mark.parametrize("above", [1, 0.5])
def test_what_is_above_it_is_refused_with_field_and_limit(cast: Cast, unit: Unit, above: float) -> None:
    status, body = submit(cast, budget={unit.name: MOST[unit.kind] + above})
    assert status == 400 and body["error"].startswith(f"context.budget.{unit.name}: must be a ")
    assert body["error"].endswith(f"number from 0 to {MOST[unit.kind]}")


@pytest.mark.parametrize("value", ["5", True, -1, None, [5]])
def test_what_is_no_number_is_refused(cast: Cast, value: Any) -> None:
    status, body = submit(cast, budget={"seconds": value})
    assert status == 400 and body["error"].startswith("context.budget.seconds: ")


def test_an_agents_tokens_are_refused_above_what_a_column_holds(cast: Cast) -> None:
    most = MOST["count"]
    assert submit(cast, token_budget_per_agent=most)[0] == 200
    status, body = submit(cast, token_budget_per_agent=most + 1)
    assert status == 400 and body["error"].startswith("context.token_budget_per_agent: ") and str(most) in body["error"]
