"""Reads events by number, and what changed of a tenant's tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections
from django.db.models import Q, QuerySet

from webapp.agent_tasks.models import Task
from webapp.common.values import JSON
from webapp.progress.models import Event

OVERLAP = timedelta(seconds=10)  # a transaction may commit this much later than the time that it wrote


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


def changed_tasks(tenant: UUID, named: set[UUID], since: datetime | None) -> list[TaskChange]:
    """
    The tasks among `named` that are the tenant's, and with `since` all that changed after it.

    A task changes until it ends, so what changed lately is still open or has ended lately; both are short lists with an
    index. An index on the time of the last change would cost every event a write.
    """
    wanted = Q(id__in=named)
    if since is not None:
        wanted |= Q(finished_at=None, updated_at__gte=since) | Q(finished_at__gte=since)
    fields = ("id", "user_id", "session_id", "state", "seq", "steps", "open")
    return [TaskChange(*row) for row in Task.objects.filter(wanted, tenant_id=tenant).values_list(*fields)]


def database_now() -> datetime:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone() or (None,)
    assert isinstance(now, datetime)
    return now
