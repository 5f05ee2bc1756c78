"""Tells what two files differ in."""

from __future__ import annotations

from sandbox.limits import MIB
from workers.toolbox.aside.start import Aside
from workers.toolbox.builtin.computing import Arguments, ComputingTool, takes
from workers.toolbox.builtin.session_paths import PATH, as_text, read
from workers.toolbox.tool import ToolContext, ToolResult

FILE_BYTES = 2 * MIB
CONTEXT_LINES = 3


class DiffFiles(ComputingTool):
    name = "diff_files"
    description = "Compares two text files line by line: a unified diff, of which 500 lines are shown."
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    untrusted = True
    rate_per_minute = 100
    timeout_s = 60.0
    parameters = takes(
        "path_a",
        "path_b",
        path_a=PATH,
        path_b=PATH,
        context_lines={"type": "integer", "minimum": 0, "maximum": 20, "default": CONTEXT_LINES},
    )

    def __init__(self, aside: Aside | None = None) -> None:
        self._aside = aside or Aside()

    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        names = [arguments[field] for field in ("path_a", "path_b")]
        both = [read(context, arguments[field], field, FILE_BYTES) for field in ("path_a", "path_b")]
        for field, name, data in zip(("path_a", "path_b"), names, both, strict=True):
            as_text(data, name, field=field)
        asked = {"names": names, "context": arguments.get("context_lines", CONTEXT_LINES)}
        return ToolResult.success(await self._aside.do("diff", asked, both))
