"""Reads the limits that a task may carry for itself: `context.budget`, and `context.token_budget_per_agent`."""

from __future__ import annotations

from typing import Any

from webapp.budgets.models import UNITS
from webapp.common.errors import Invalid
from webapp.common.values import JSON

MOST = 10**15
PARTS = ("usd", "seconds")  # that need not be whole numbers

BUDGET: JSON = {  # as OpenAPI tells it
    "type": "object",
    "description": "Limits of the task's own budget; those of the platform stay.",
    "properties": {unit: {"type": "number" if unit in PARTS else "integer", "minimum": 0} for unit in UNITS},
    "additionalProperties": False,
}


def limits_of(context: JSON) -> JSON:
    """
    `{"usd": 0.5, "tool_calls": 20}`: what is named, as it is named.

    Raises:
        Invalid
    """
    given = context.get("budget")
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise Invalid(field="context.budget", message="must be an object")
    for unit, value in given.items():
        if unit not in UNITS:
            raise Invalid(field=f"context.budget.{unit}"[:200], message=f"is not a unit; units are {', '.join(UNITS)}")
        _check(value, f"context.budget.{unit}", whole=unit not in PARTS)
    return given


def agent_tokens_of(context: JSON) -> int | None:
    """Contexts come from clients that send numbers as text, too."""
    given = context.get("token_budget_per_agent")
    if given in (None, ""):
        return None
    value = int(given) if isinstance(given, str) and given.isdecimal() and len(given) < 16 else given
    _check(value, "context.token_budget_per_agent", whole=True)
    return int(value)


def _check(value: Any, field: str, *, whole: bool) -> None:
    kind = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= MOST:
        raise Invalid(field=field, message=f"must be a {'whole ' if whole else ''}number from 0 to {MOST}")
