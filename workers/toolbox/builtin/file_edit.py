"""Replaces a piece of a file that it quotes. Bytes are compared, so that all else stays as it is, line ends too."""

from __future__ import annotations

from dataclasses import replace

from workers.toolbox.builtin.computing import Arguments, ThreadTool, takes
from workers.toolbox.builtin.session_paths import OWN_PATH, fingerprint, own, read, within_limit
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

TEXT_CHARS = 200_000
PLACES_SHOWN = 10


class FileEdit(ThreadTool):
    name = "file_edit"
    description = (
        "Replaces old_text by new_text in a file of the session. old_text must stand there exactly so, and once, "
        "unless replace_all is true."
    )
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    rate_per_minute = 50
    parameters = takes(
        "path",
        "old_text",
        "new_text",
        path=OWN_PATH,
        old_text={"type": "string", "minLength": 1, "maxLength": TEXT_CHARS},
        new_text={"type": "string", "maxLength": TEXT_CHARS},
        replace_all={"type": "boolean", "default": False},
    )

    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        path = own(context, arguments["path"])
        data = read(context, arguments["path"])
        old, new = _bytes(arguments, "old_text"), _bytes(arguments, "new_text")
        if old == new:
            raise Refused("file_edit.nothing", "new_text: it is the same as old_text, so nothing would change")
        count = data.count(old)
        if not count:
            raise Refused("file_edit.not_found", f"old_text: it does not stand in {path!r}{_hint(data, old)}")
        if count > 1 and not arguments.get("replace_all", False):
            raise Refused("file_edit.not_unique", _often(data, old, path, count))
        within_limit(len(data) + count * (len(new) - len(old)), "new_text")
        edited = data.replace(old, new)
        shown = {"path": path, "replaced": count, "line": _line_of(data, data.index(old)), "size_bytes": len(edited)}
        result = ToolResult.success(shown | {"workspace": {"changed": [path]}})
        return replace(result, changed={path: edited}, based_on=fingerprint(context.workspace, path))


def _bytes(arguments: Arguments, field: str) -> bytes:
    try:
        text: str = arguments[field]
        return text.encode()
    except UnicodeEncodeError:
        raise Refused("file.not_text", f"{field}: it has half of a surrogate pair, which no file can have") from None


def _hint(data: bytes, old: bytes) -> str:
    if old.replace(b"\n", b"\r\n") in data:
        return "; the file's lines end in \\r\\n"
    if old.strip() and old.strip() in data:
        return "; it does without the blanks around it"
    return "; file_read shows what does"


def _often(data: bytes, old: bytes, path: str, count: int) -> str:
    places: list[str] = []
    at = -1
    while len(places) < PLACES_SHOWN and (at := data.find(old, at + 1)) >= 0:
        places.append(str(_line_of(data, at)))
    lines = ", ".join(dict.fromkeys(places))
    return f"old_text: it stands {count:,} times in {path!r}, first in line {lines}; quote more, or set replace_all"


def _line_of(data: bytes, at: int) -> int:
    return data.count(b"\n", 0, at) + 1
