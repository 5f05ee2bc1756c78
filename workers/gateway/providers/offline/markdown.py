"""Text from files and people inside Markdown: shown as it is, never obeyed. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

SIGNS = re.compile(r"([\\`*<>\[\]|#!~&@$])")
EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
LINKS = re.compile(r"(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
LIMIT = 80


def plain(text: str, limit: int = LIMIT) -> str:
    """One line without control or direction characters, no longer than `limit`."""
    visible = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escape(text: str, limit: int = LIMIT) -> str:
    """A value in running text or a table's cell: no emphasis, link, image, HTML or code comes of it."""
    line = SIGNS.sub(r"\\\1", plain(text, limit))
    return LINKS.sub(lambda found: "\\" + found[0], EDGE_UNDERSCORE.sub(r"\\_", line))


def code(text: str) -> str:
    """A name as code; a backtick in it becomes an apostrophe, and a pipe is safe in a table too."""
    return "`" + plain(text).replace("`", "'").replace("|", "¦") + "`"


def block(text: str, limit: int = 4000) -> str:
    """Output of a program, in a fence longer than any run of backticks in it."""
    shown = text if len(text) <= limit else text[:limit] + "\n… (cut)"
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", shown)), default=0))
    return f"{fence}text\n{shown.rstrip()}\n{fence}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column is text, the others are figures, to the right. Cells are escaped by the caller."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *rows))
