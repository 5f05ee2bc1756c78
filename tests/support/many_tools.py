"""
More tools than a model should be told of, and one that fails as often as the world does.

A worker loads them with HARTLEY_EXTRA_TOOLS set to PATHS, and HARTLEY_MARKER_LOG=<file>.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.marker import LOG, append
from webapp.common.errors import HartleyError
from workers.toolbox.registry import Tool, ToolContext, ToolResult

THINGS = ("invoice", "parcel", "flight", "hotel", "recipe", "patient", "contract", "sensor", "song", "tree")
DEEDS = (
    ("list", "Lists every"), ("count", "Counts each"), ("rename", "Gives another name to a"), ("merge", "Joins twice the"),
    ("archive", "Puts away an old"), ("compare", "Tells apart a"), ("price", "Says what it costs: a"),
    ("label", "Sticks a word on a"), ("weigh", "Says how heavy is a"), ("trace", "Follows where went the"),
    ("split", "Cuts in two a"), ("verify", "Says whether right is a"), ("print", "Puts on paper a"),
    ("sign", "Puts a name below a"), ("insure", "Guards against loss a"), ("schedule", "Sets a day for a"),
    ("repair", "Mends a broken"), ("publish", "Shows to everybody a"), ("translate", "Says in French a"),
    ("draw", "Makes a picture of a"),
)  # fmt: skip
ANYTHING: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


class Away(HartleyError):
    code = "tests.away"
    kind = "network"


class Flaky(Tool):
    """Of five steps one fails, times out, or can't be reached the first time; each effect leaves a mark."""

    name = "flaky"
    description = "Enters a line in the book."
    effect = "acts"
    parameters = ANYTHING
    timeout_s = 0.3

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Raises:
            Away: the first time, for some.
        """
        if context.step % 5 == 0:
            match context.step // 5 % 3:
                case 0:
                    return ToolResult.failure("tests.full", "The book is full")
                case 1 if context.attempt == 1:
                    raise Away("The book is not here")
                case 2:
                    await asyncio.sleep(10)
        mark = {"key": context.idempotency_key, "task_id": context.task_id, "attempt": context.attempt}
        append(Path(os.environ[LOG]), mark)
        return ToolResult.success({"line": context.step})


def _tool(deed: str, about: str, thing: str) -> type[Tool]:
    async def run(self: Tool, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        return ToolResult.success({"value": f"{deed} {thing}"})

    named = {
        "name": f"{deed}_{thing}",
        "description": f"{about} {thing}.",
        "effect": "computes",
        "parameters": ANYTHING,
    }
    return type(f"{deed}_{thing}", (Tool,), {**named, "run": run, "__doc__": about})


MANY = {f"{deed}_{thing}": _tool(deed, about, thing) for deed, about in DEEDS for thing in THINGS}
globals().update(MANY)
PATHS = ",".join(f"{__name__}:{name}" for name in ("Flaky", *MANY))
