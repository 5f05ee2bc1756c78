"""Reads policy decisions."""

from __future__ import annotations

from uuid import UUID

from webapp.decisions.models import PolicyDecision


def decisions_of(tenant: UUID, task: UUID, step: int) -> list[PolicyDecision]:
    """Of one step, in the order in which they were made."""
    rows = PolicyDecision.objects.filter(tenant_id=tenant, task_id=task, step=step)
    return list(rows.defer("input").order_by("id"))
