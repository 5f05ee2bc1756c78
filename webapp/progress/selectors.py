"""Reads events by number, and what changed of a tenant's tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connections
from django.db.models import Q, QuerySet

from webapp.agent_tasks.models import Task
from webapp.common.values import JSON
from webapp.progress.models import Event

OVERLAP = timedelta(seconds=10)  # a transaction may commit this much later than the time that it wrote
CHANGES_LIMIT = 500


def events_of(tenant: UUID, task: UUID) -> QuerySet[Event]:
    """Oldest first."""
    return Event.objects.filter(tenant_id=tenant, task_id=task).order_by("seq")


def events_after(tenant: UUID, task: UUID, seq: int, limit: int) -> list[Event]:
    return list(events_of(tenant, task).filter(seq__gt=seq)[:limit])


def last_events(tenant: UUID, task: UUID, limit: int) -> list[Event]:
    """Oldest first."""
    return list(events_of(tenant, task).order_by("-seq")[:limit])[::-1]


def event_body(event: Event) -> JSON:
    """The internal form of an event: REST history and every stream start from it."""
    body = {
        "workflow_id": str(event.task_id),
        "type": event.type,
        "agent_id": event.agent_id,
        "message": event.message,
        "timestamp": event.created_at.isoformat().replace("+00:00", "Z"),
        "seq": event.seq,
        "stream_id": str(event.seq),
    }
    return body | ({"payload": event.payload} if event.payload is not None else {})


@dataclass(frozen=True)
class TaskChange:
    """Where a task stands: what a tenant's feed tells."""

    task: UUID
    user: UUID
    session: UUID
    state: str
    seq: int
    steps: int
    open: int


def changed_tasks(tenant: UUID, named: set[UUID], since: datetime | None) -> tuple[list[TaskChange], datetime]:
    """
    The tasks among `named` that are the tenant's, and those that changed since, as wake-ups may be lost.

    Returns them with the time to ask from next; the first call (None) returns none, but the time.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone() or (datetime.now(UTC),)
    wanted = Q(id__in=named) | (Q(updated_at__gte=since) if since else Q(pk__in=[]))
    rows = Task.objects.filter(wanted, tenant_id=tenant).order_by("-id")
    fields = ("id", "user_id", "session_id", "state", "seq", "steps", "open")
    return [TaskChange(*row) for row in rows.values_list(*fields)[:CHANGES_LIMIT]], now
