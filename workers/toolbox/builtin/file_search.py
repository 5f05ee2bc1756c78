"""Searches the text of the session's files, or of those attached to the task."""

from __future__ import annotations

from collections.abc import Mapping

from workers.toolbox.aside.start import Aside
from workers.toolbox.builtin.computing import Arguments, ComputingTool, takes
from workers.toolbox.builtin.file_list import PATTERN, matches
from workers.toolbox.builtin.session_paths import FOLDER, below
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

FILES_SEARCHED = 1000
FILE_BYTES = 500_000
NAMES_SHOWN = 20
MATCHES = 20


class FileSearch(ComputingTool):
    name = "file_search"
    description = (
        "Finds lines with a text in the session's files, with the case as given, or lines that match a pattern (RE2: no "
        "look-around, no back-references). At most 1,000 files of 500 kB are searched."
    )
    category = "files"
    branch = "data_analysis"
    uses_workspace = True
    untrusted = True
    rate_per_minute = 50
    timeout_s = 60.0
    parameters = takes(
        "query",
        query={"type": "string", "minLength": 1, "maxLength": 200},
        path=FOLDER,
        max_results={"type": "integer", "minimum": 1, "maximum": 200, "default": MATCHES},
        regex={"type": "boolean", "default": False, "description": "The query is a pattern; (?i) ignores case."},
        include=PATTERN,
        context_lines={"type": "integer", "minimum": 0, "maximum": 5, "default": 0},
    )

    def __init__(self, aside: Aside | None = None) -> None:
        self._aside = aside or Aside()

    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        query = arguments["query"]
        if "\n" in query:
            raise Refused("file_search.pattern", "query: it has a line break, and lines are searched one by one")
        begin, files = below(context, arguments.get("path", "."))
        pattern = arguments.get("include", "*")
        wanted = sorted(name for name in files if matches(name, pattern, recursive=True, hidden=True))
        small = [name for name in wanted if len(files[name]) <= FILE_BYTES]
        texts = _texts(files, small[:FILES_SEARCHED])
        asked = {
            "query": query.encode("utf-8", "replace").decode(),
            "regex": arguments.get("regex", False),
            "context": arguments.get("context_lines", 0),
            "most": arguments.get("max_results", MATCHES),
            "names": [begin + name for name in texts],
        }
        found = await self._aside.do("search", asked, list(texts.values()))
        large = [begin + name for name in wanted if len(files[name]) > FILE_BYTES]
        skipped = {
            "too_large": large[:NAMES_SHOWN],
            "not_text": min(len(small), FILES_SEARCHED) - len(texts),
            "too_many": max(0, len(small) - FILES_SEARCHED),
        }
        told = {why: what for why, what in skipped.items() if what}
        return ToolResult.success(found | ({"skipped": told} if told else {}))


def _texts(files: Mapping[str, bytes], names: list[str]) -> dict[str, bytes]:
    return {name: files[name] for name in names if _is_text(files[name])}


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
