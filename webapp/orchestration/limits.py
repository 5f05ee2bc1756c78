"""Changes what a budget may spend, and keeps who did it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from webapp.audit.services import record
from webapp.budgets.models import Envelope
from webapp.budgets.services import Limits, set_limits
from webapp.tenants.models import User


@transaction.atomic
def change_limits(*, actor: User, envelope: UUID, limits: Limits) -> Envelope:
    """
    Counts from the next hold on. Within the tenant's scope.

    Raises:
        NotFound: also for another's.
        LimitTooLow
    """
    changed, before = set_limits(tenant=actor.tenant_id, envelope=envelope, limits=limits)
    detail = {
        f"{name}_limit": [str(before[name]), str(limit)] for name, limit in limits.items() if before[name] != limit
    }
    if detail:
        record(actor=actor, action="envelope.changed", subject=f"{changed}", detail=detail)
    return changed
