"""What the tools that only compute have in common: a schema's shape, and refusals that become failed results."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from workers.toolbox.refused import Refused
from workers.toolbox.tool import Tool, ToolContext, ToolResult

Arguments = Mapping[str, Any]


def takes(*required: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


class ComputingTool(Tool):
    """It changes nothing but what the session's files become, so its policy decision is no step of its own."""

    effect = "computes"

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            return await self.answer(arguments, context)
        except Refused as refused:
            return ToolResult.failure(refused.code, str(refused))

    @abstractmethod
    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """
        Raises:
            Refused
        """


class ThreadTool(ComputingTool):
    """Its work is at most a pass over ten megabytes: too long for the event loop, too short for a process."""

    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return await asyncio.to_thread(self._computed, arguments, context)

    def _computed(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        try:
            result = self.compute(arguments, context)
        except Refused as refused:
            return ToolResult.failure(refused.code, str(refused))
        return replace(result, redo=partial(self._redone, arguments, context)) if result.based_on else result

    def _redone(self, arguments: Arguments, context: ToolContext, workspace: Mapping[str, bytes]) -> ToolResult:
        return self._computed(arguments, replace(context, workspace=workspace))

    @abstractmethod
    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        """
        Raises:
            Refused
        """
