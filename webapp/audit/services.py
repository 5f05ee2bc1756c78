"""Writes the audit trail, in the transaction of the change that it tells of."""

from __future__ import annotations

from webapp.audit.models import AuditEntry
from webapp.common.values import JSON
from webapp.tenants.models import User


def record(*, actor: User, action: str, subject: str, detail: JSON) -> None:
    AuditEntry.objects.create(
        tenant_id=actor.tenant_id,
        actor_id=actor.pk,
        actor_email=actor.email,
        action=action,
        subject=subject[:200],
        detail=detail,
    )
