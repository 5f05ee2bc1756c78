"""Reads events by number."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from webapp.progress.models import Event


def events_of(tenant: UUID, task: UUID) -> QuerySet[Event]:
    """Oldest first."""
    return Event.objects.filter(tenant_id=tenant, task_id=task).order_by("seq")


def events_after(tenant: UUID, task: UUID, seq: int, limit: int) -> list[Event]:
    return list(events_of(tenant, task).filter(seq__gt=seq)[:limit])
