"""Removes files of the session: one, a folder's, or those of a folder that match a pattern."""

from __future__ import annotations

from dataclasses import replace

from workers.toolbox.builtin.computing import Arguments, ThreadTool, takes
from workers.toolbox.builtin.file_list import PATTERN, matches
from workers.toolbox.builtin.session_paths import OWN_PATH, below, fingerprint, own
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

PATHS_SHOWN = 50


class FileDelete(ThreadTool):
    name = "file_delete"
    description = (
        "Removes a file of the session; of a folder the files that match pattern, and with recursive also those of the "
        "folders below it. A whole folder takes recursive."
    )
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    rate_per_minute = 50
    parameters = takes(
        "path",
        path=OWN_PATH,
        pattern={key: value for key, value in PATTERN.items() if key != "default"},
        recursive={"type": "boolean", "default": False},
    )

    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        gone = _one(arguments, context) or _some(arguments, context)
        shown = gone[:PATHS_SHOWN]
        output = {"deleted": shown, "count": len(gone), "truncated": len(shown) < len(gone)}
        result = ToolResult.success(output | {"workspace": {"deleted": shown}})
        return replace(result, deleted=tuple(gone), based_on=fingerprint(context.workspace, *gone))


def _one(arguments: Arguments, context: ToolContext) -> list[str]:
    if "pattern" in arguments or arguments["path"].rstrip("/") in ("", ".", "/workspace"):
        return []
    path = own(context, arguments["path"])
    return [path] if path in context.workspace else []


def _some(arguments: Arguments, context: ToolContext) -> list[str]:
    own_top = arguments["path"].rstrip("/") in ("", ".", "/workspace")
    if not own_top:
        own(context, arguments["path"].rstrip("/"))
    begin, files = below(context, arguments["path"])
    pattern, recursive = arguments.get("pattern"), arguments.get("recursive", False)
    if pattern is None and (own_top or not recursive):
        raise Refused("workspace.is_folder", f"path: {arguments['path']!r} is a folder; say recursive, or a pattern")
    found = [name for name in files if matches(name, pattern or "*", recursive=recursive, hidden=True)]
    if not found:
        raise Refused("file.not_found", f"pattern: no file of {arguments['path']!r} matches {pattern!r}")
    return sorted(begin + name for name in found)
