"""What a limit may be, and when it will be reached. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from webapp.budgets.units import Amount, Unit
from webapp.common.errors import Invalid

NEAR = 0.8  # from this fullness on a budget is shown as one to look at
MOST_WHOLE = 2**63 - 1
MOST_USD = Decimal(10) ** 8  # exclusive: eight digits before the point, ten behind it
DECIMALS = 10
FURTHEST_DAYS = 3650  # a limit that lasts longer is as good as never reached


def read_limit(unit: Unit, raw: Any) -> Amount | None:
    """
    A limit as people send it, a number or its text; None is no limit.

    Raises:
        Invalid: with the field `<unit>_limit`.
    """
    if raw is None:
        return None
    found = _number(raw)
    if unit.kind == "money":
        if found is None or not 0 <= found < MOST_USD or found != round(found, DECIMALS):
            raise Invalid(
                field=f"{unit.name}_limit", message=f"must be an amount from 0 to {MOST_USD - 1}, e.g. 12.50, or none"
            )
        return found
    if found is None or not 0 <= found <= MOST_WHOLE or found != int(found):
        raise Invalid(field=f"{unit.name}_limit", message=f"must be a whole number from 0 to {MOST_WHOLE}, or none")
    return int(found)


def _number(raw: Any) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str) or len(str(raw)) > 40:
        return None
    try:
        found = Decimal(str(raw).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found.adjusted()) < 40 else None


def reached_on(left: Amount | None, per_day: float, today: date) -> date | None:
    """The day on which what is left is used up at this pace; None for never, or later than in ten years."""
    if left is None:
        return None
    if left <= 0:
        return today
    days = float(left) / per_day if per_day > 0 else FURTHEST_DAYS + 1
    return today + timedelta(days=int(days)) if days <= FURTHEST_DAYS else None
