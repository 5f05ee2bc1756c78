"""Shows a file's text to the model, from a line on."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sandbox.limits import MIB
from workers.toolbox.aside.lines import count_lines, each_line
from workers.toolbox.builtin.computing import Arguments, ThreadTool, takes
from workers.toolbox.builtin.session_paths import PATH, as_text, read
from workers.toolbox.tool import ToolContext, ToolResult

CHARS_SHOWN = 50_000
ENCODINGS = ["utf-8", "utf-16", "latin-1", "cp1252"]
ENCODING = {"enum": ENCODINGS, "default": "utf-8"}


class FileRead(ThreadTool):
    name = "file_read"
    description = "Gives the text of a file, whole or some of its lines: at most 50,000 characters; next_offset is where to go on."
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    untrusted = True
    rate_per_minute = 100
    parameters = takes(
        "path",
        path=PATH,
        offset={"type": "integer", "minimum": 0, "default": 0, "description": "Lines to leave out."},
        limit={"type": "integer", "minimum": 0, "default": 0, "description": "Lines to give; 0: all."},
        encoding=ENCODING,
        max_size_mb={"type": "integer", "minimum": 1, "maximum": 10, "default": 10},
    )

    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        limit_bytes = arguments.get("max_size_mb", 10) * MIB
        path = arguments["path"]
        data = read(context, path, limit_bytes=limit_bytes)
        text = as_text(data, path, arguments.get("encoding", "utf-8"))
        page = paged(text, arguments.get("offset", 0), arguments.get("limit", 0))
        return ToolResult.success({"path": path, "size_bytes": len(data), **page})


def paged(text: str, offset: int, limit: int) -> dict[str, Any]:
    """
    Whole lines while they fit; a single one that doesn't is cut.

    >>> paged("a\\nb\\nc", 1, 1)
    {'content': 'b\\n', 'offset': 1, 'lines': 3, 'next_offset': 2}
    """
    shown: list[str] = []
    left, lines = CHARS_SHOWN, count_lines(text)
    for line in islice(each_line(text), offset, offset + limit if limit else None):
        if len(line) > left:
            break
        shown.append(line)
        left -= len(line)
    page: dict[str, Any] = {"content": "".join(shown), "offset": offset, "lines": lines}
    after = offset + len(shown)
    if not shown and after < lines:  # the first one alone is too long
        cut = next(islice(each_line(text), offset, None))
        page |= {"content": cut[:CHARS_SHOWN], "cut_characters": len(cut) - CHARS_SHOWN}
        after += 1
    return page | ({"next_offset": after} if after < lines else {})
