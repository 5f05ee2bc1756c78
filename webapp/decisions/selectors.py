"""Reads policy decisions and freezes."""

from __future__ import annotations

from uuid import UUID

from webapp.common.errors import NotFound
from webapp.decisions.models import Freeze, PolicyDecision


def decisions_of(tenant: UUID, task: UUID, step: int) -> list[PolicyDecision]:
    """Of one step, in the order in which they were made."""
    rows = PolicyDecision.objects.filter(tenant_id=tenant, task_id=task, step=step)
    return list(rows.defer("input").order_by("id"))


def freezes_in_force(tenant: UUID) -> list[Freeze]:
    """The newest first."""
    return list(Freeze.objects.filter(tenant_id=tenant, thawed_at=None).order_by("-id"))


def find_freeze(tenant: UUID, name: str) -> Freeze:
    """
    Raises:
        NotFound: also for another tenant's.
    """
    known = name.isascii() and name.isdecimal() and len(name) < 19
    freeze = Freeze.objects.filter(tenant_id=tenant, id=int(name)).first() if known else None
    if freeze is None:
        raise NotFound("freeze")
    return freeze
