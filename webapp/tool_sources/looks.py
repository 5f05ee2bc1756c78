"""
Which sources are to be looked at: claimed by one worker at a time, recorded with what came of it.

For workers. Each function enters the scopes of the tenants itself; looking over all tenants is left to a function of the
database that returns ids only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.db.models import F

from webapp.common.encryption import Unsealable
from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.in_force import Found, SourceInForce
from webapp.tool_sources.models import REASON_CHARS, State, ToolSource
from webapp.tool_sources.review import still_there
from webapp.tool_sources.selectors import in_force
from webapp.tool_sources.vault import owner, vault

LEASE_SLACK_S = 30.0  # beyond the longest look: for starting a process, and for recording
LOOK_S = 60.0  # one look, at most
BACKOFF_S = (10.0, 30.0, 120.0)  # after a failed look, then as often as after any other


@dataclass(frozen=True)
class Due:
    """A claimed source. `attempt` counts looks in a row that brought nothing, this one included."""

    tenant: UUID
    source: SourceInForce
    attempt: int
    claimed_until: datetime


def claim() -> Due | None:
    """One that is due, if any is; nobody else gets it until the lease is over."""
    for tenant, source, until in _claimed(1):
        with tenant_scope(tenant):
            row = ToolSource.objects.filter(id=source).first()
        if row:  # it may have been removed meanwhile
            return Due(tenant, in_force(row, document=row.document), row.attempts, until)
    return None


def secret_of(tenant: UUID, source: SourceInForce) -> str:
    """
    "" for none.

    Raises:
        Unsealable
    """
    return vault().open(source.sealed, owner=owner(tenant, source.name)) if source.sealed else ""


def record(due: Due, found: Found) -> bool:
    """Whether it was written: what a worker says whose claim is over is not. After a failure the known tools stay."""
    with tenant_scope(due.tenant):
        mine = ToolSource.objects.filter(id=due.source.id, claimed_until=due.claimed_until)
        row = mine.select_for_update(no_key=True).defer("document").first()
        if row is None:
            return False
        mine.update(**(_failed(due, found) if found.reason else _ready(row, found)), checked_at=now())
    return True


def release(due: Due) -> None:
    """Nothing came of it, by no fault of the source: the lease is over now, and the try does not count."""
    with tenant_scope(due.tenant):
        mine = ToolSource.objects.filter(id=due.source.id, claimed_until=due.claimed_until)
        mine.update(attempts=F("attempts") - 1, claimed_until=now())


def _ready(row: ToolSource, found: Found) -> dict[str, Any]:
    """What a person has asked for counts at once; what has changed by itself waits for one."""
    wanted = row.wanted
    changed = row.usable != still_there(wanted, found.tools) or row.revision == 0
    return {
        "state": State.READY,
        "reason": "",
        "tools": found.tools,
        "accepted": found.tools if wanted is None else wanted,
        "left_out": found.left_out,
        "revision": row.revision + 1 if changed else row.revision,
        "attempts": 0,
        "look_at": now() + timedelta(seconds=settings.SOURCE_LOOK_S),
        "claimed_until": None,
    }


def _failed(due: Due, found: Found) -> dict[str, Any]:
    wait_s = min([*BACKOFF_S[due.attempt - 1 : due.attempt], settings.SOURCE_LOOK_S])
    return {
        "state": State.FAILED,
        "reason": found.reason[:REASON_CHARS],
        "look_at": now() + timedelta(seconds=wait_s),
        "claimed_until": None,
    }


def _claimed(most: int) -> list[tuple[UUID, UUID, datetime]]:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT * FROM tool_sources_claim(%s, %s)", [most, LOOK_S + LEASE_SLACK_S])
        return list(cursor.fetchall())


__all__ = ["Due", "Found", "Unsealable", "claim", "record", "release", "secret_of"]
