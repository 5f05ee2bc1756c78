"""Budgets for a day or a month, beside the one without an end that everything has."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from webapp.agent_sessions.models import Session
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Level, Period
from webapp.common.errors import Invalid
from webapp.common.tenancy import one_statement, tenant_scope
from webapp.tenants.models import Tenant, User

OWNERS: dict[Level, Any] = {Level.TENANT: Tenant, Level.USER: User, Level.SESSION: Session, Level.TASK: Task}


def open_budget(*, tenant: UUID, level: str, owner: UUID, period: str) -> UUID:
    """
    The budget's id, whether it is made now or was there. It has no limits of its own yet; open tasks spend from it at once.

    Raises:
        Invalid: no such level or period, or the tenant has no such owner.
    """
    if level not in OWNERS:
        raise Invalid(
            field="level", message=f"must be one of {', '.join(OWNERS)}; agents have shares of their task's budget"
        )
    if period not in Period.values:
        raise Invalid(field="period", message=f"must be one of {', '.join(Period.values)}")
    with tenant_scope(tenant):
        known = OWNERS[Level(level)].objects.filter(
            id=owner, **({} if level == Level.TENANT else {"tenant_id": tenant})
        )
        if not known.exists():
            raise Invalid(field="owner", message=f"is no {level} of yours")
    found = one_statement(tenant, "SELECT engine_budget(%s, %s, %s, %s)", [tenant, level, owner, period])
    assert found is not None, "a function's call has a row"
    return UUID(str(found[0]))
