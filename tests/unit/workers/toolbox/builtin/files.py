"""Calls a built-in tool as a step would: arguments checked, files at hand, changes carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.toolbox.registry import ToolContext, ToolResult, load_registry

TOOLS = load_registry()


@dataclass
class Session:
    """A session's files, and those attached to its task."""

    files: dict[str, bytes] = field(default_factory=dict)
    attached: Mapping[str, bytes] = field(default_factory=dict)

    def call(self, tool: str, **arguments: Any) -> ToolResult:
        TOOLS.validate(tool, arguments)
        context = ToolContext("t1", "k1", 1, 1, "k1:1", self.attached, None, workspace=dict(self.files))
        result = asyncio.run(TOOLS.get(tool).run(arguments, context))
        self.files |= result.changed
        for path in result.deleted:
            del self.files[path]
        return result

    def done(self, tool: str, **arguments: Any) -> dict[str, Any]:
        result = self.call(tool, **arguments)
        assert result.ok, result.error
        return result.output

    def refused(self, tool: str, **arguments: Any) -> tuple[str, str]:
        """The code and the message; nothing has changed."""
        before = dict(self.files)
        result = self.call(tool, **arguments)
        assert result.error and not result.ok and self.files == before, result.output
        return result.error.code, result.error.message
