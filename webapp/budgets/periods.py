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
OWNER_CHARS = 254  # the longest e-mail
NAMES = {Level.USER: "email__iexact", Level.SESSION: "external_id"}  # by which an owner is found too


def open_budget(*, tenant: UUID, level: str, owner: UUID, period: str) -> UUID:
    """
    The budget's id, whether it is made now or was there. It has no limits of its own yet; open tasks spend from it at once.

    Raises:
        Invalid: no such level or period, or the tenant has no such owner.
    """
    check_period(level, period)
    with tenant_scope(tenant):
        if not _owners(tenant, Level(level)).filter(id=owner).exists():
            raise _nobodys(level)
    found = one_statement(tenant, "SELECT engine_budget(%s, %s, %s, %s)", [tenant, level, owner, period])
    assert found is not None, "a function's call has a row"
    return UUID(str(found[0]))


def check_period(level: str, period: str) -> None:
    """
    Raises:
        Invalid: no such level or period.
    """
    if level not in OWNERS:
        raise Invalid(
            field="level", message=f"must be one of {', '.join(OWNERS)}; agents have shares of their task's budget"
        )
    if period not in Period.values:
        raise Invalid(field="period", message=f"must be one of {', '.join(Period.values)}")


def find_owner(tenant: UUID, level: Level, said: str) -> UUID:
    """
    By id, a person also by e-mail, a session also by the name that its client gave it; "" is the tenant. Within its scope.

    Raises:
        Invalid: nothing of that name, or more than one session.
    """
    if level == Level.TENANT and said in ("", str(tenant)):
        return tenant
    if not said:
        raise Invalid(field="owner", message=f"must name the {level}")
    if len(said) > OWNER_CHARS or "\0" in said:
        raise _nobodys(level)
    rows = _owners(tenant, level)
    found = rows.filter(id=said).first() if _is_id(said) else None
    if found is None and level in NAMES:
        named = list(rows.filter(**{NAMES[level]: said})[:2])
        if len(named) > 1:
            raise Invalid(field="owner", message=f"is the name of more than one {level}; give its id")
        found = named[0] if named else None
    if found is None:
        raise _nobodys(level)
    return UUID(str(found.pk))


def _owners(tenant: UUID, level: Level) -> Any:
    return OWNERS[level].objects.filter(**{"id" if level == Level.TENANT else "tenant_id": tenant})


def _is_id(said: str) -> bool:
    try:
        UUID(said)
    except ValueError:
        return False
    return True


def _nobodys(level: str) -> Invalid:
    return Invalid(field="owner", message=f"is no {level} of yours")
