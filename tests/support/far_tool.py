"""A tool at whose other end the test decides what happens; in a farm, one whose calls a test can see and count.

A worker loads it with HARTLEY_EXTRA_TOOLS=tests.support.far_tool:FarTool.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.support.marker import LOG, append
from workers.toolbox.tool import Tool, ToolContext, ToolResult


class FarTool(Tool):
    """
    Attributes:
        down: it fails as when the other end does not answer.
        gate: no answer leaves while it is shut.
        seen, most: calls that reached it; how many of them were out at once, at most.
    """

    name = "far"
    description = "Asks far away."
    effect = "computes"
    remote = True
    concurrency = 1
    rate_per_minute = 600
    timeout_s = 20.0
    parameters = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "takes_s": {"type": "number", "default": 0}},
        "required": ["text"],
        "additionalProperties": False,
    }

    def __init__(self, **changed: Any) -> None:
        self.down = False
        self.gate: asyncio.Event | None = None
        self.seen: list[str] = []
        self.out = self.most = 0
        for name, value in changed.items():
            setattr(self, name, value)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        self.seen.append(arguments["text"])
        self.out += 1
        self.most = max(self.most, self.out)
        try:
            if log := os.environ.get(LOG):
                append(Path(log), {"task_id": context.task_id, "text": arguments["text"], "at": time.time()})
            await asyncio.sleep(arguments.get("takes_s", 0))
            if self.gate:
                await self.gate.wait()
            if self.down:
                return ToolResult.failure("far.away", "There is no answer", outage=True)
            return ToolResult.success({"said": arguments["text"], "number": len(self.seen)})
        finally:
            self.out -= 1


class SharedFarTool(FarTool):
    """Its result may serve again, costs money, and has words of somebody outside."""

    name = "far_shared"
    concurrency = rate_per_minute = 0
    cache_s = 60.0
    price_usd = Decimal("0.01")
    untrusted = True
