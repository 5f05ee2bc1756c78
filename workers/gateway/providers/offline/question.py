"""Splits a question into its parts: sentences, and clauses that ask or order something of their own. Pure."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

OPENERS = (
    "which|what|what's|how|who|when|where|why|is|are|does|do|did|was|were|has|show|draw|plot|chart|graph|make|create|"
    "add|list|compare|calculate|compute|count|find|give|tell|profile|summari[sz]e|describe|explain|write|run|rank|sort"
)
BREAK = re.compile(
    rf"(?<=[?!;])\s+|(?<=[.])\s+(?=[A-Z])|[;\n]+|(?:,\s*(?:and\s+|then\s+)?|\s+and\s+(?:then\s+)?)(?=(?:{OPENERS})\b)",
    re.IGNORECASE,
)
ASKING = re.compile(r"(which|what|how|who|when|where|why|is|are|does|do|did|was|were|has)\b", re.IGNORECASE)
FENCE = re.compile(r"```[ \t]*([\w+-]*)[^\n]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)
CHART = re.compile(r"\b(charts?|plots?|graphs?|draw|visuali[sz]e|diagrams?)\b", re.IGNORECASE)
LONGEST = 20_000


class Code(NamedTuple):
    language: str
    text: str


class Question(NamedTuple):
    parts: tuple[str, ...]
    code: tuple[Code, ...]


def split(query: str) -> Question:
    """A part keeps its own words; code blocks are taken out first, so that they stay whole."""
    query = query[:LONGEST]
    code = tuple(Code(found[1].casefold(), found[2]) for found in FENCE.finditer(query))
    prose = FENCE.sub("\n", query)
    pieces = [" ".join(piece.split()).strip(" ,;") for piece in BREAK.split(prose) if piece]
    return Question(tuple(_sentence(piece) for piece in pieces if re.search(r"\w", piece)), code)


def _sentence(piece: str) -> str:
    """A clause cut out of a sentence reads as one of its own."""
    ended = piece if piece[-1] in ".?!:" else piece + ("?" if ASKING.match(piece) else ".")
    return ended[0].upper() + ended[1:]


def is_python(code: Code) -> bool:
    """Labelled as Python, or without a label and more than a bare word that parses as Python."""
    if code.language:
        return code.language in ("python", "py", "python3")
    try:
        body = ast.parse(code.text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    bare = [isinstance(n, ast.Expr) and isinstance(n.value, (ast.Name, ast.Constant)) for n in body]
    return not all(bare)
