"""Makes readable text of a page or document that the session has."""

from __future__ import annotations

from sandbox.limits import MIB
from webapp.workspaces.rules import media_type
from workers.toolbox.aside.start import Aside
from workers.toolbox.builtin.computing import Arguments, ComputingTool, takes
from workers.toolbox.builtin.session_paths import PATH, read
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

DOCUMENT_BYTES = 4 * MIB
TEXT_CHARS, MOST_CHARS = 20_000, 50_000
FORMATS = {"text/html": "html", "application/xhtml+xml": "html", "text/markdown": "markdown"}


class ExtractText(ComputingTool):
    name = "extract_text"
    description = (
        "Gives the title and the readable text of an HTML page (its main part, without menus), a Markdown or a text "
        "document: a file, or the document itself in text. It fetches nothing."
    )
    category = "data"
    branch = "data_analysis"
    uses_workspace = True
    untrusted = True
    rate_per_minute = 60
    timeout_s = 60.0
    parameters = takes(
        path=PATH,
        text={
            "type": "string",
            "minLength": 1,
            "maxLength": 1_000_000,
            "description": "The document, instead of path.",
        },
        format={
            "enum": ["auto", "html", "markdown", "plain"],
            "default": "auto",
            "description": "auto goes by the file's name, then by how the document begins.",
        },
        include_links={"type": "boolean", "default": False},
        max_chars={"type": "integer", "minimum": 100, "maximum": MOST_CHARS, "default": TEXT_CHARS},
    )

    def __init__(self, aside: Aside | None = None) -> None:
        self._aside = aside or Aside()

    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        document = _document(arguments, context)
        found_format = _format(arguments, document)
        asked = {
            "format": found_format,
            "links": arguments.get("include_links", False),
            "most": arguments.get("max_chars", TEXT_CHARS),
        }
        return ToolResult.success({"format": found_format, **await self._aside.do("extract", asked, [document])})


def _document(arguments: Arguments, context: ToolContext) -> bytes:
    if ("path" in arguments) == ("text" in arguments):
        raise Refused("extract_text.document", "path or text: one of them is required, and not both")
    if "path" in arguments:
        return read(context, arguments["path"], limit_bytes=DOCUMENT_BYTES)
    text: str = arguments["text"]
    return text.encode("utf-8", "replace")


def _format(arguments: Arguments, document: bytes) -> str:
    asked: str = arguments.get("format", "auto")
    if asked != "auto":
        return asked
    by_name = FORMATS.get(media_type(arguments.get("path", "")))
    return by_name or ("html" if document.lstrip()[:1] == b"<" else "plain")
