"""Takes of what a source says it has what can be a tool, and tells why the rest can't. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from webapp.common.values import JSON, storable
from webapp.tool_sources.in_force import Found
from webapp.tool_sources.names import tool_name
from workers.toolbox.outer_schemas import Unfit, fit, visible

NAME_CHARS = 200
DESCRIPTION_CHARS = 1000
LEFT_OUT = 100  # that are told; of more only their number


def fit_tools(
    source: str, given: Iterable[JSON], *, allowed: frozenset[str], is_free: Callable[[str], bool], most: int
) -> Found:
    """
    Args:
        allowed: the names that the tenant wants, as the source has them; none: all.
        is_free: whether a tool may be called so.
        most: tools, at most.
    """
    tools: dict[str, JSON] = {}
    left_out: list[JSON] = []
    for each in given:
        own = _text(each.get("name"), NAME_CHARS) or "(without a name)"
        name = tool_name(source, own)
        try:
            if allowed and own not in allowed:
                continue
            if len(tools) >= most:
                raise Unfit(f"A source has at most {most} tools: name those that are wanted")
            if name in tools or not is_free(name):
                raise Unfit(f"There is a tool called {name} already")
            tools[name] = _tool(own, each)
        except Unfit as unfit:
            left_out.append({"name": own, "reason": str(unfit)})
    left_out += [{"name": name, "reason": "It is not there"} for name in sorted(allowed - _names(tools, left_out))]
    return Found(tools=list(tools.values()), left_out=_told(left_out))


def _tool(own: str, given: JSON) -> JSON:
    """
    Raises:
        Unfit
    """
    if "reason" in given:
        raise Unfit(_text(given["reason"], NAME_CHARS))
    return {
        "name": own,
        "description": _text(given.get("description"), DESCRIPTION_CHARS) or own,
        "parameters": fit(given.get("parameters")),
        "call": storable(given.get("call")),
    }


def _names(tools: dict[str, JSON], left_out: list[JSON]) -> set[str]:
    return {str(each["name"]) for each in [*tools.values(), *left_out]}


def _told(left_out: list[JSON]) -> list[JSON]:
    if len(left_out) <= LEFT_OUT:
        return left_out
    return [*left_out[:LEFT_OUT], {"name": f"{len(left_out) - LEFT_OUT} more", "reason": "They are not told singly"}]


def _text(value: Any, limit_chars: int) -> str:
    return visible(value, limit_chars) if isinstance(value, str) else ""
