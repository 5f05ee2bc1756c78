"""
What is to be checked: claimed by one worker at a time, recorded with what came of it.

For workers. Each function enters the scopes of the tenants itself; looking over all tenants is left to a function of the
database that returns ids only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import F

from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tool_modules.models import REASON_CHARS, ModuleVersion, State, ToolModule

TRIES = 3
LEASE_SLACK_S = 30.0  # beyond the longest compilation: for starting its process, and for recording


@dataclass(frozen=True)
class Unchecked:
    """A claimed version, as it is checked."""

    tenant: UUID
    version: UUID
    claimed_until: datetime
    name: str
    wasm: bytes = field(repr=False)


@dataclass(frozen=True)
class Checked:
    """`reason` is "" for a module that is ready."""

    reason: str
    facts: JSON = field(default_factory=dict)


def claim() -> Unchecked | None:
    """One that waits, if any does; nobody else gets it until the lease is over."""
    for tenant, version, until in _claimed(1):
        with tenant_scope(tenant):
            row = ModuleVersion.objects.select_related("module").filter(id=version).first()
        if row:  # it may have been removed meanwhile
            return Unchecked(tenant, version, until, row.module.name, bytes(row.wasm))
    return None


def record(asked: Unchecked, checked: Checked) -> bool:
    """Whether it was written: what a worker says whose claim is over is not."""
    state = State.REFUSED if checked.reason else State.READY
    with tenant_scope(asked.tenant):
        mine = ModuleVersion.objects.filter(id=asked.version, claimed_until=asked.claimed_until, state=State.CHECKING)
        told: dict[str, Any] = {"state": state, "reason": checked.reason[:REASON_CHARS], "facts": checked.facts}
        if not mine.update(**told, checked_at=now(), claimed_until=None):
            return False
        if state == State.READY:
            _put_in_force(asked.version)
    return True


def release(asked: Unchecked) -> None:
    """Nothing came of it, by no fault of the module: the lease is over now, and the try does not count."""
    with tenant_scope(asked.tenant):
        mine = ModuleVersion.objects.filter(id=asked.version, claimed_until=asked.claimed_until)
        mine.update(attempts=F("attempts") - 1, claimed_until=now())


def _put_in_force(version: UUID) -> None:
    """Unless a later one is."""
    row = ModuleVersion.objects.defer("wasm").get(id=version)
    ToolModule.objects.filter(id=row.module_id, active__lt=row.number).update(active=row.number)


def _claimed(most: int) -> list[tuple[UUID, UUID, datetime]]:
    lease_s = settings.MODULE_COMPILE_S + LEASE_SLACK_S
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT * FROM tool_modules_claim(%s, %s, %s)", [most, TRIES, lease_s])
        return list(cursor.fetchall())
