"""Changes limits, and from which part of them their owner is told. What was held and spent is the engine's alone."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from webapp.budgets.errors import LimitTooLow
from webapp.budgets.models import Envelope
from webapp.budgets.units import UNITS, Amount, balance_in_row
from webapp.common.errors import NotFound

Limits = Mapping[str, Amount | None]  # by the unit's name


@transaction.atomic
def set_limits(
    *, tenant: UUID, envelope: UUID, limits: Limits, alert_percent: int | None = None
) -> tuple[Envelope, Envelope]:
    """
    Set these units' limits, where what is booked by now still fits; what isn't given stays. Within the tenant's scope.

    The row is locked first, so the engine's next hold is made against either the old limits or the new ones.

    Args:
        alert_percent: 1 to 100; counts from the next call that brings a budget there.

    Returns the envelope as it is now, and as it was.

    Raises:
        NotFound: also for another's.
        LimitTooLow: the first unit that doesn't fit; nothing is changed.
    """
    found = Envelope.objects.select_for_update(no_key=True).filter(tenant_id=tenant, id=envelope).first()
    if found is None:
        raise NotFound("budget")
    before = copy(found)
    wanted = [unit for unit in UNITS if unit.name in limits]
    for unit in wanted:
        limit, booked = limits[unit.name], balance_in_row(found, unit).booked
        if limit is not None and limit < booked:
            raise LimitTooLow(field=f"{unit.name}_limit", least=f"{Decimal(booked).normalize():f}")
        setattr(found, f"{unit.name}_limit", limit)
    found.alert_percent = found.alert_percent if alert_percent is None else alert_percent
    found.save(update_fields=["alert_percent", *(f"{unit.name}_limit" for unit in wanted)])
    return found, before
