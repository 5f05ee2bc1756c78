"""Reads what a request says about its agents' loop, see docs/agent-loop.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from webapp.common.errors import Invalid
from webapp.common.values import JSON
from webapp.orchestration.tool_choice import CALLS, FORCED, NAMES, ToolChoiceInvalid, calls_given, names_given

STRATEGIES = ("quick", "standard", "deep", "academic")
ITERATIONS_LIMIT = 50
FORCED_NAMES = (FORCED, "forced_tool_calls")  # the second is another name of the first
NAMED = ("allowed_tools", *FORCED_NAMES, "max_iterations", "research_strategy")
LOOP: JSON = {  # as OpenAPI tells it, within the context
    "allowed_tools": NAMES,
    FORCED: CALLS,
    "max_iterations": {"type": "integer", "minimum": 1, "maximum": ITERATIONS_LIMIT},
    "research_strategy": {"enum": list(STRATEGIES)},
}


def read_loop(context: Mapping[str, Any], within: str = "context.") -> JSON:
    """
    What is given of it, checked, under its first name.

    Raises:
        Invalid
    """
    found: JSON = {}
    if context.get("allowed_tools") is not None:
        found["allowed_tools"] = _read(f"{within}allowed_tools", names_given, context["allowed_tools"])
    named = next((name for name in FORCED_NAMES if context.get(name) is not None), None)
    if named:
        found[FORCED] = _read(within + named, calls_given, context[named])
    turns = context.get("max_iterations")
    if turns is not None:
        if isinstance(turns, bool) or not isinstance(turns, int) or not 1 <= turns <= ITERATIONS_LIMIT:
            message = f"must be a whole number from 1 to {ITERATIONS_LIMIT}"
            raise Invalid(field=f"{within}max_iterations", message=message)
        found["max_iterations"] = turns
    strategy = context.get("research_strategy")
    if strategy not in (None, ""):
        if not isinstance(strategy, str) or strategy.lower() not in STRATEGIES:
            raise Invalid(field=f"{within}research_strategy", message=f"must be one of {', '.join(STRATEGIES)}")
        found["research_strategy"] = strategy.lower()
    return found


def _read(field: str, read: Callable[[Any], Any], given: Any) -> Any:
    try:
        return read(given)
    except ToolChoiceInvalid as error:
        raise Invalid(field=field, message=str(error)) from None
