"""Changes what a budget may spend, opens one for a day or month, and keeps who did it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from webapp.audit.services import record
from webapp.budgets.envelopes import envelope_of
from webapp.budgets.models import Envelope, Level
from webapp.budgets.periods import check_period, find_owner, open_budget
from webapp.budgets.services import Limits, set_limits
from webapp.tenants.models import User


@transaction.atomic
def change_limits(*, actor: User, envelope: UUID, limits: Limits, alert_percent: int | None = None) -> Envelope:
    """
    Counts from the next hold on. Within the tenant's scope.

    Raises:
        NotFound: also for another's.
        LimitTooLow
    """
    now, before = set_limits(tenant=actor.tenant_id, envelope=envelope, limits=limits, alert_percent=alert_percent)
    asked = ("alert_percent", *(f"{unit}_limit" for unit in limits))
    both = {field: (getattr(before, field), getattr(now, field)) for field in asked}
    detail = {field: [str(was), str(new)] for field, (was, new) in both.items() if was != new}
    if detail:
        record(actor=actor, action="envelope.changed", subject=f"{now}", detail=detail)
    return now


@transaction.atomic
def limit_period(
    *, actor: User, level: str, owner: str, period: str, limits: Limits, alert_percent: int | None = None
) -> tuple[Envelope, bool]:
    """
    The budget of this owner and period with these limits, and whether it was made now; on an error nothing is. Two who open
    it at the same moment may both hear that it was they. Within the tenant's scope.

    Args:
        owner: as `find_owner` takes it.

    Raises:
        Invalid: no such level, period or owner.
        LimitTooLow: it was there, and has spent more.
    """
    check_period(level, period)
    found = find_owner(actor.tenant_id, Level(level), owner)
    made = envelope_of(actor.tenant_id, found, period=period) is None
    envelope = open_budget(tenant=actor.tenant_id, level=level, owner=found, period=period)
    if made:
        detail = {"level": level, "owner": str(found), "period": period}
        record(actor=actor, action="envelope.opened", subject=f"{level} {found}", detail=detail)
    return change_limits(actor=actor, envelope=envelope, limits=limits, alert_percent=alert_percent), made
