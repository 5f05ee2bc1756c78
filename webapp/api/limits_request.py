"""Reads the limits that a task may carry for itself: `context.budget`, and `context.token_budget_per_agent`."""

from __future__ import annotations

from typing import Any

from webapp.budgets.rules import MOST
from webapp.budgets.units import TOKENS, UNITS, Unit
from webapp.common.errors import Invalid
from webapp.common.values import JSON

NAMED = {unit.name: unit for unit in UNITS}
BUDGET: JSON = {  # as OpenAPI tells it
    "type": "object",
    "description": "Limits of the task's own budget; those of the platform stay.",
    "properties": {
        unit.name: {"type": "number" if unit.decimals else "integer", "minimum": 0, "maximum": MOST[unit.kind]}
        for unit in UNITS
    },
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
    for name, value in given.items():
        if name not in NAMED:
            raise Invalid(field=f"context.budget.{name}"[:200], message=f"is not a unit; units are {', '.join(NAMED)}")
        _check(value, f"context.budget.{name}", NAMED[name])
    return given


def agent_tokens_of(context: JSON) -> int | None:
    """Contexts come from clients that send numbers as text, too."""
    given = context.get("token_budget_per_agent")
    if given in (None, ""):
        return None
    value = int(given) if isinstance(given, str) and given.isdecimal() and len(given) < 16 else given
    _check(value, "context.token_budget_per_agent", TOKENS)
    return int(value)


def _check(value: Any, field: str, unit: Unit) -> None:
    kind, most = (int, float) if unit.decimals else int, MOST[unit.kind]
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 <= value <= most:
        raise Invalid(field=field, message=f"must be a {'' if unit.decimals else 'whole '}number from 0 to {most}")
