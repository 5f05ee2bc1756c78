"""Lists a folder of the session's files, or the files attached to the task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from webapp.workspaces.rules import one_level
from workers.toolbox.builtin.computing import Arguments, ThreadTool, takes
from workers.toolbox.builtin.session_paths import FOLDER, below
from workers.toolbox.tool import ToolContext, ToolResult

ENTRIES_SHOWN = 500
PATTERN = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "default": "*",
    "description": "Of names, such as *.csv; with a slash in it, of paths from the folder on, where * is any text.",
}


class FileList(ThreadTool):
    name = "file_list"
    description = "Lists the files of the session, a folder or all, with their sizes; /data lists the attached files."
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    untrusted = True  # names are chosen by whoever made the file
    rate_per_minute = 100
    parameters = takes(
        path=FOLDER,
        pattern=PATTERN,
        recursive={"type": "boolean", "default": False, "description": "All files below, instead of one level."},
        include_hidden={"type": "boolean", "default": False, "description": "Also names that begin with a dot."},
    )

    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        path = arguments.get("path", ".")
        begin, files = below(context, path)
        recursive, hidden = arguments.get("recursive", False), arguments.get("include_hidden", False)
        pattern = arguments.get("pattern", "*")
        entries = [
            {**entry, "path": begin + entry["path"]}
            for entry in (_deep(files) if recursive else _flat(files))
            if matches(entry["path"], pattern, recursive=True, hidden=hidden)
        ]
        shown = entries[:ENTRIES_SHOWN]
        return ToolResult.success({"files": shown, "count": len(entries), "truncated": len(shown) < len(entries)})


def matches(path: str, pattern: str, *, recursive: bool, hidden: bool) -> bool:
    """
    Args:
        path: from the folder on that is looked at.

    >>> matches("a/b.csv", "*.csv", recursive=True, hidden=False), matches("a/b.csv", "c/*", recursive=True, hidden=False)
    (True, False)
    """
    if "/" in path and not recursive:
        return False
    if not hidden and any(part.startswith(".") for part in path.split("/")):
        return False
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def _flat(files: Mapping[str, bytes]) -> Iterable[dict[str, Any]]:
    for entry in one_level(((path, len(data)) for path, data in files.items()), ""):
        yield {"path": entry.path, "is_dir": entry.is_dir, "size_bytes": entry.size_bytes}


def _deep(files: Mapping[str, bytes]) -> Iterable[dict[str, Any]]:
    for path in sorted(files):
        yield {"path": path, "is_dir": False, "size_bytes": len(files[path])}
