"""A tool that leaves a mark for each of its effects, so that tests can count them.

A worker loads it with HARTLEY_EXTRA_TOOLS=tests.support.marker:MarkerTool and HARTLEY_MARKER_LOG=<file>;
tests.support.marker:UndoneTool beside it says itself what undoes it.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workers.toolbox.registry import Tool, ToolContext, ToolResult, Undo

LOG = "HARTLEY_MARKER_LOG"


class MarkerTool(Tool):
    """Acts and demands nothing: policy admits it for administrators and owners."""

    name = "marker"
    description = "Appends the text to the marker log."
    category = "test"
    effect = "acts"
    timeout_s = 90.0
    parameters = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 1000},
            "delay_s": {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
        },
        "required": ["text"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """
        Raises:
            KeyError: the environment doesn't name the log.
        """
        mark = {
            "key": context.idempotency_key,
            "task_id": context.task_id,
            "step": context.step,
            "attempt": context.attempt,
            "text": arguments["text"],
            "at": time.time(),
        }
        append(Path(os.environ[LOG]), mark)
        await asyncio.sleep(arguments.get("delay_s", 0))  # time for a test to kill the worker after its effect
        return ToolResult.success({"marked": arguments["text"]})


class UndoneTool(MarkerTool):
    """A marker whose mark is taken back by another: `undo TEXT`. With `undo_delay_s` the undoing takes so long."""

    name = "undone_marker"
    description = "Appends the text to the marker log; undone by a further mark."
    parameters = {
        **MarkerTool.parameters,
        "properties": {
            **MarkerTool.parameters["properties"],
            "undo_delay_s": {"type": "number", "minimum": 0, "maximum": 60, "default": 0},
        },
    }

    def compensation(self, arguments: Mapping[str, Any], output: Mapping[str, Any]) -> Undo | None:
        delay_s = arguments.get("undo_delay_s", 0)
        return Undo("marker", {"text": f"undo {output['marked']}", "delay_s": delay_s})


def append(path: Path, mark: Mapping[str, Any]) -> None:
    """One write of one line, so that lines of several processes don't mix."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(log, json.dumps(mark).encode() + b"\n")
    finally:
        os.close(log)


def marks(path: Path) -> list[dict[str, Any]]:
    """What has been written so far, oldest first."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
