"""What people type into the forms that set limits, as arguments of the use cases; and what is said when it is refused."""

from __future__ import annotations

from django.http import QueryDict

from webapp.budgets.errors import LimitTooLow
from webapp.budgets.models import Period
from webapp.budgets.periods import OWNER_CHARS, OWNERS
from webapp.budgets.rules import ALERT, read_figures
from webapp.budgets.units import UNITS
from webapp.common.errors import Invalid
from webapp.common.values import JSON

LIMITS = [f"{unit.name}_limit" for unit in UNITS]
FIELDS = ("level", "owner", "period", ALERT, *LIMITS)
CHOICES: JSON = {
    "levels_limited": [level.value for level in OWNERS],
    "periods": [Period.DAY.value, Period.MONTH.value],
    "owner_chars": OWNER_CHARS,
    "first_units": UNITS[:2],
    "other_units": UNITS[2:],
}


def typed_in(given: QueryDict) -> dict[str, str]:
    return {name: str(given[name]).strip() for name in FIELDS if name in given}


def figures(typed: dict[str, str], *, some: bool = False) -> JSON:
    """
    A field that isn't there stays as it is; a limit that is empty is none.

    Args:
        some: at least one limit has to be there.

    Raises:
        Invalid
    """
    found = read_figures({name: text or None for name, text in typed.items()})
    if some and not found["limits"]:
        raise Invalid(field=LIMITS[0], message="name a limit, here or in another unit")
    return found


def refusal(typed: dict[str, str], error: Invalid | LimitTooLow) -> JSON:
    """What a form shows again, with the reason beside its field."""
    return {
        "typed": typed,
        "field": error.field,
        "error": str(error).removeprefix(f"{error.field}: "),
        "folded_out": any(typed.get(f"{unit.name}_limit") for unit in UNITS[2:]),
    }
