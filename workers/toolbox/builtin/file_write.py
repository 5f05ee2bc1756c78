"""Writes text to a file of the session, or adds it to one."""

from __future__ import annotations

from dataclasses import replace

from webapp.workspaces.rules import folders_of
from workers.toolbox.builtin.computing import Arguments, ThreadTool, takes
from workers.toolbox.builtin.file_read import ENCODING
from workers.toolbox.builtin.session_paths import OWN_PATH, fingerprint, free_for_a_file, within_limit
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

CONTENT_CHARS = 1_000_000


class FileWrite(ThreadTool):
    name = "file_write"
    description = "Writes text to a file of the session, which later tasks of the session find too, and the user."
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    rate_per_minute = 50
    parameters = takes(
        "path",
        "content",
        path=OWN_PATH,
        content={"type": "string", "maxLength": CONTENT_CHARS},
        mode={"enum": ["overwrite", "append"], "default": "overwrite"},
        encoding=ENCODING,
        create_dirs={"type": "boolean", "default": True, "description": "Also in a folder that is not there yet."},
    )

    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        path = free_for_a_file(context, arguments["path"])
        folder = (folders_of(path) or [""])[-1]
        if folder and not arguments.get("create_dirs", True) and not _has(context, folder):
            raise Refused("file.not_found", f"path: there is no folder {folder!r}, and create_dirs is false")
        before, written = context.workspace.get(path), encoded(arguments)
        appends = arguments.get("mode") == "append"
        data = (before or b"") + written if appends else written
        within_limit(len(data), "content")
        shown = {"path": path, "size_bytes": len(data), "created": before is None}
        result = replace(ToolResult.success(shown | {"workspace": {"changed": [path]}}), changed={path: data})
        return replace(result, based_on=fingerprint(context.workspace, path)) if appends else result


def encoded(arguments: Arguments) -> bytes:
    """
    Raises:
        Refused: the encoding can't spell it.
    """
    encoding = arguments.get("encoding", "utf-8")
    try:
        written: str = arguments["content"]
        return written.encode(encoding)
    except UnicodeEncodeError as error:
        odd = error.object[error.start]
        raise Refused("file.not_text", f"content: {odd!r} can't be written in {encoding}") from None


def _has(context: ToolContext, folder: str) -> bool:
    return any(path.startswith(f"{folder}/") for path in context.workspace)
