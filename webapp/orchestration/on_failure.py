"""What a plan says of failure: what a failed tool call means by the tool's branch, and whether tools undo. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.common.values import JSON
from webapp.orchestration.plan import PlanInvalid

BRANCHES = ("code_execution", "web_search", "data_analysis", "generic")  # kinds of tools, as tools declare them
WAYS = ("fail", "retry", "go_on")

WAY: JSON = {"enum": list(WAYS)}
ON_FAILURE: JSON = {
    "oneOf": [
        WAY,
        {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(BRANCHES, WAY)},
    ]
}
COMPENSATE: JSON = {
    "oneOf": [
        {"type": "boolean"},
        {
            "type": "object",
            "required": ["tool"],
            "properties": {"tool": {"type": "string"}, "arguments": {"type": "object"}},
        },
    ]
}


def read_on_failure(whose: str, given: Any) -> Mapping[str, str]:
    """
    A way for each branch that is named; a single word is for all of them.

    Raises:
        PlanInvalid: names the branch or the way that there is not.
    """
    if given is None:
        return {}
    asked = dict.fromkeys(BRANCHES, given) if isinstance(given, str) else given
    if not isinstance(asked, dict):
        raise PlanInvalid(f"{whose}: on_failure must be one of {', '.join(WAYS)}, or an object of them by branch")
    for branch, way in asked.items():
        if branch not in BRANCHES:
            raise PlanInvalid(f"{whose}: on_failure: there is no branch {str(branch)[:40]}; {', '.join(BRANCHES)} are")
        if way not in WAYS:
            raise PlanInvalid(f"{whose}: on_failure must be one of {', '.join(WAYS)}")
    return asked


def read_asks_tools(whose: str, given: Any) -> bool:
    """
    Whether tools say themselves what undoes their calls.

    Raises:
        PlanInvalid: it is neither true nor false.
    """
    if given is None or isinstance(given, bool):
        return bool(given)
    raise PlanInvalid(f"{whose}: compensate must be true or false")


def way_of(on_failure: Mapping[str, str], branch: str) -> str:
    """What a failed call of a tool of this branch does to its step."""
    return on_failure.get(branch, "fail")
