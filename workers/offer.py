"""
Which tools a turn offers to its model, when there are more than a model should be told of. Pure.

What an agent found or used before is in its history, so a replay offers the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.common.values import JSON
from workers.context import Past
from workers.gateway.types import ToolCall, ToolSpec
from workers.toolbox import arguments
from workers.toolbox.discovery import ranked
from workers.toolbox.errors import ArgumentsInvalid
from workers.toolbox.registry import FIND_TOOLS, Registry

FOUND_USUALLY, FOUND_MOST = 5, 20
QUERY_CHARS = 500
DESCRIPTION_CHARS = 200
FIND: ToolSpec = {
    "name": FIND_TOOLS,
    "description": "Finds more tools than you have been told of, by what they do. What it finds you can call next.",
    "parameters": {
        "type": "object",
        "properties": {
            "query": {
                "type": "string",
                "minLength": 1,
                "maxLength": QUERY_CHARS,
                "description": "What the tool should do, in a few words",
            },
            "limit": {"type": "integer", "minimum": 1, "maximum": FOUND_MOST, "default": FOUND_USUALLY},
        },
        "required": ["query"],
        "additionalProperties": False,
    },
}
_RULES = arguments.validator(FIND_TOOLS, FIND["parameters"])


@dataclass(frozen=True)
class Offer:
    """
    Attributes:
        specs: what the model is told of.
        allowed: the only names that may be called; None: any.
        finds: there are more tools, and FIND is among the specs.
    """

    specs: list[ToolSpec]
    allowed: frozenset[str] | None = None
    finds: bool = False


def offer_of(
    tools: Registry, *, allowed: Sequence[str] | None, query: str, history: Sequence[Past], most: int
) -> Offer:
    """
    All tools when they are `most` or fewer; else so many that fit the query best, and what the agent found or used.

    Args:
        allowed: the only tools that the task or its plan lets the agent have; all of them are offered.
    """
    everything = tools.specs()
    if allowed is not None:
        return Offer([spec for spec in everything if spec["name"] in allowed], frozenset(allowed))
    if len(everything) <= most:
        return Offer(everything)
    chosen = [spec for spec, _ in ranked(query, everything)[:most]]
    return Offer([*_with(chosen, everything, _known(history)), FIND], finds=True)


def found_for(call: ToolCall, tools: Registry) -> tuple[JSON, list[str]]:
    """What a call of `find_tools` is told, and the names that it found. It never fails the turn."""
    try:
        arguments.check(FIND_TOOLS, _RULES, call.arguments)
    except ArgumentsInvalid as error:
        return {"ok": False, "error": {"code": error.code, "message": str(error)}}, []
    given = call.arguments or {}
    best = ranked(given["query"], tools.specs())[: given.get("limit", FOUND_USUALLY)]
    fitting = [spec for spec, score in best if score > 0]
    told = [{"name": s["name"], "description": s["description"][:DESCRIPTION_CHARS]} for s in fitting]
    return {"ok": True, "tools": told}, [spec["name"] for spec in fitting]


def _with(chosen: list[ToolSpec], everything: Iterable[ToolSpec], names: Iterable[str]) -> list[ToolSpec]:
    """In the order in which they became known, so that the beginning stays as a provider has kept it."""
    by_name = {spec["name"]: spec for spec in everything}
    there = {spec["name"] for spec in chosen}
    return [*chosen, *(by_name[name] for name in dict.fromkeys(names) if name in by_name and name not in there)]


def _known(history: Sequence[Past]) -> list[str]:
    """What the agent found or called, the first first."""
    names: list[str] = []
    for past in history:
        if past.kind == "llm.turn":
            names += (past.output or {}).get("found", [])
        elif past.kind == "tools.call":
            names.append(past.input["tool"])
    return names
