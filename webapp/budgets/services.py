"""Changes limits. What was held and spent is the engine's alone."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from webapp.budgets.errors import LimitTooLow
from webapp.budgets.models import Envelope
from webapp.budgets.units import UNITS, Amount, balance_in_row
from webapp.common.errors import NotFound

Limits = Mapping[str, Amount | None]  # by the unit's name


@transaction.atomic
def set_limits(*, tenant: UUID, envelope: UUID, limits: Limits) -> tuple[Envelope, Limits]:
    """
    Set these units' limits, where what is booked by now still fits; the others stay. Within the tenant's scope.

    The row is locked first, so the engine's next hold is made against either the old limits or the new ones.

    Returns the envelope as it is now, and the limits that it had.

    Raises:
        NotFound: also for another's.
        LimitTooLow: the first unit that doesn't fit; nothing is changed.
    """
    found = Envelope.objects.select_for_update(no_key=True).filter(tenant_id=tenant, id=envelope).first()
    if found is None:
        raise NotFound("budget")
    wanted = [unit for unit in UNITS if unit.name in limits]
    before = {unit.name: balance_in_row(found, unit).limit for unit in wanted}
    for unit in wanted:
        limit, booked = limits[unit.name], balance_in_row(found, unit).booked
        if limit is not None and limit < booked:
            raise LimitTooLow(field=f"{unit.name}_limit", least=f"{Decimal(booked).normalize():f}")
        setattr(found, f"{unit.name}_limit", limit)
    found.save(update_fields=[f"{unit.name}_limit" for unit in wanted])
    return found, before
