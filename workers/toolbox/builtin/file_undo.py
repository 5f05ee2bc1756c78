"""Takes back what another step's call has changed of the session's files. The engine adds it when a task fails."""

from __future__ import annotations

from dataclasses import replace

from workers.toolbox.builtin.computing import Arguments, ComputingTool, takes
from workers.toolbox.tool import FILE_UNDO, ToolContext, ToolResult


class FileUndo(ComputingTool):
    """Which step it undoes stands in its own step's row, so no argument can name another."""

    name = FILE_UNDO
    description = (
        "Gives the session's files back what a step of a failed task has changed. It runs as what undoes that step."
    )
    category = "files"
    branch = "data_analysis"
    is_offered = False
    parameters = takes()

    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        return replace(ToolResult.success({}), takes_back=True)
