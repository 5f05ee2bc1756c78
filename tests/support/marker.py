"""A tool that leaves a mark in the world: one line per call, so that a test can count effects."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from workers.toolbox.registry import Tool, ToolContext, ToolResult


class MarkerTool(Tool):
    """Appends one JSON line to the file named by HARTLEY_MARKER_LOG, atomically."""

    name = "marker"
    description = "Leave a mark with a text."
    parameters = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "delay_s": {"type": "number", "minimum": 0, "maximum": 30}},
        "required": ["text"],
    }
    effect = "acts"

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        line = {
            "key": context.idempotency_key,
            "task": context.task_id,
            "step": context.step,
            "attempt": context.attempt,
            "text": arguments["text"],
            "at": time.time(),
        }
        descriptor = os.open(os.environ["HARTLEY_MARKER_LOG"], os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
        finally:
            os.close(descriptor)
        await asyncio.sleep(arguments.get("delay_s", 0))
        return ToolResult(True, {"ok": True, "marked": arguments["text"]})
