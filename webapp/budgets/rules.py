"""What a limit may be, from which part of it its owner is told, and when it will be reached. Pure."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from webapp.budgets.units import UNITS, Amount, Unit
from webapp.common.errors import Invalid
from webapp.common.values import JSON

MOST = {"count": 2**63 - 1, "money": 10**8 - 1, "time": 10**15 - 1}  # what the columns can hold
ALERT = "alert_percent"
FURTHEST_DAYS = 3650  # a limit that lasts longer is as good as never reached


def read_figures(given: JSON) -> JSON:
    """
    What a budget is to be changed to: `{"limits": {"tokens": 5, "usd": None}, "alert_percent": 80}`, as arguments of the
    use cases. What isn't given stays as it is.

    Raises:
        Invalid: the first field that breaks a rule.
    """
    limits = {
        unit.name: read_limit(unit, given[f"{unit.name}_limit"]) for unit in UNITS if f"{unit.name}_limit" in given
    }
    return {"limits": limits} | ({ALERT: read_alert_percent(given[ALERT])} if ALERT in given else {})


def read_limit(unit: Unit, raw: Any) -> Amount | None:
    """
    A limit as people send it, a number or its text; None is no limit.

    Raises:
        Invalid: with the field `<unit>_limit`.
    """
    if raw is None:
        return None
    found = _number(raw)
    most = MOST[unit.kind]
    if found is None or not 0 <= found <= most or found != round(found, unit.decimals):
        kind = f"a number with at most {unit.decimals} decimals" if unit.decimals else "a whole number"
        raise Invalid(field=f"{unit.name}_limit", message=f"must be {kind} from 0 to {most}, or none")
    return found if unit.decimals else int(found)


def read_alert_percent(raw: Any) -> int:
    """
    Of a limit, from which its owner is told: a whole number, or its text.

    Raises:
        Invalid: with the field `alert_percent`.
    """
    found = _number(raw)
    if found is None or not 1 <= found <= 100 or found != int(found):
        raise Invalid(field="alert_percent", message="must be a whole number from 1 to 100")
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
