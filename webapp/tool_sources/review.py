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


def still_there(accepted: Sequence[JSON], offered: Sequence[JSON] | None) -> list[JSON]:
    """
    What agents have: the accepted tools that the source still has, as they were accepted.

    Args:
        offered: what it has by now; None: what was accepted.
    """
    if offered is None:
        return list(accepted)
    names = {tool["name"] for tool in offered}
    return [tool for tool in accepted if tool["name"] in names]


def waiting(accepted: Sequence[JSON], offered: Sequence[JSON] | None) -> list[Waiting]:
    """In the source's order."""
    known = {tool["name"]: tool for tool in accepted}
    changed = (Waiting(tool, known.get(tool["name"])) for tool in offered or ())
    return [each for each in changed if each.tool != each.was]


def mark_of(offered: Sequence[JSON] | None) -> str:
    """Names what was seen, so that nobody accepts what has come since."""
    return hashlib.sha256(json.dumps(offered, sort_keys=True).encode()).hexdigest()[:20]
