"""
What a source says otherwise than a person accepted. Pure.

A tool's description is read by the model that calls it: who runs the server could turn agents with it after everybody has
looked. So what changes by itself is not told to agents until a person has accepted it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.common.values import JSON

TOLD_CHARS = 300  # of a description, in the audit trail


@dataclass(frozen=True)
class Waiting:
    """
    One tool that agents have otherwise, or not at all, until a person accepts it.

    Args:
        was: as it was accepted; None: it is new.
    """

    tool: JSON
    was: JSON | None

    @property
    def differs(self) -> list[str]:
        """The parts that are otherwise than accepted; none of a new one."""
        return [part for part in self.tool if self.was is not None and self.tool[part] != self.was.get(part)]


def still_there(accepted: Sequence[JSON] | None, found: Sequence[JSON]) -> list[JSON]:
    """What agents have: the accepted tools that the source still has, as they were accepted; None: all that it has."""
    if accepted is None:
        return list(found)
    names = {tool["name"] for tool in found}
    return [tool for tool in accepted if tool["name"] in names]


def waiting(accepted: Sequence[JSON] | None, found: Sequence[JSON]) -> list[Waiting]:
    """In the source's order."""
    if accepted is None:
        return []
    known = {tool["name"]: tool for tool in accepted}
    changed = (Waiting(tool, known.get(tool["name"])) for tool in found)
    return [each for each in changed if each.tool != each.was]


def gone(accepted: Sequence[JSON] | None, found: Sequence[JSON]) -> list[str]:
    """The names of accepted tools that the source has no more."""
    names = {tool["name"] for tool in found}
    return [tool["name"] for tool in accepted or () if tool["name"] not in names]


def how_called(tool: JSON) -> str:
    """`GET https://api.example.com/pets/{id} (id in path, verbose in query; body)`; of an MCP server its own name for the tool."""
    call = tool["call"]
    if "method" in call:
        sent = [f"{each['name']} in {each['in']}" for each in call.get("parameters", ())]
        more = "; ".join(filter(None, [", ".join(sent), "body" if call.get("body") else ""]))
        return f"{call['method']} {call.get('base', '')}{call.get('path', '')}" + (f" ({more})" if more else "")
    return str(call.get("tool", tool["name"]))


def seen_of(found: Sequence[JSON]) -> str:
    """Names what was looked at, so that nobody accepts what has come since."""
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def as_audited(changes: Sequence[Waiting]) -> JSON:
    """`{"new": [names], "changed": [names], "said": {name: its description now}}`"""
    return {
        "new": [each.tool["name"] for each in changes if not each.was],
        "changed": [each.tool["name"] for each in changes if each.was],
        "said": {each.tool["name"]: each.tool["description"][:TOLD_CHARS] for each in changes},
    }
