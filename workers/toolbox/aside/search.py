"""Searches texts line by line, for words or by a pattern whose time grows with the text and no faster (RE2). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import re2

from workers.toolbox.refused import Refused

LINE_CHARS = 400  # shown of one line
CHARS_SHOWN = 60_000
Finds = Callable[[bytes], object]


def warm_up() -> None:
    do({"query": "a", "regex": True, "context": 1, "most": 1, "names": ["a"]}, (b"a",))


def do(asked: dict[str, Any], blobs: tuple[bytes, ...]) -> dict[str, Any]:
    """
    Args:
        asked: `{"query": "def \\w+", "regex": true, "context": 2, "most": 20, "names": ["a.py"]}`; blobs: their contents.
    Raises:
        Refused: not a pattern.
    """
    finds, most = _finder(asked["query"], is_pattern=asked["regex"]), asked["most"]
    found: list[dict[str, Any]] = []
    searched, left_chars = 0, CHARS_SHOWN
    for name, data in zip(asked["names"], blobs, strict=True):
        searched += 1
        lines = data.removesuffix(b"\n").split(b"\n")
        for at, line in enumerate(lines):
            if not finds(line):
                continue
            match = _shown(name, lines, at, asked["context"])
            left_chars -= sum(map(len, [match["text"], *match.get("before", ()), *match.get("after", ())]))
            if len(found) == most or left_chars < 0:
                return {"matches": found, "files_searched": searched, "truncated": True}
            found.append(match)
    return {"matches": found, "files_searched": searched, "truncated": False}


def _finder(query: str, *, is_pattern: bool) -> Finds:
    if not is_pattern:
        wanted = query.encode()
        return lambda line: wanted in line
    options = re2.Options()
    options.log_errors = False  # a pattern is the tenant's, and no business of our logs
    try:
        finds: Finds = re2.compile(query.encode(), options).search
    except re2.error as error:
        why = error.args[0].decode("utf-8", "replace") if error.args else ""
        raise Refused(
            "file_search.pattern", f"query: not a pattern: {why}; RE2 knows no look-around and no \\1"
        ) from None
    return finds


def _shown(name: str, lines: list[bytes], at: int, context: int) -> dict[str, Any]:
    match: dict[str, Any] = {"path": name, "line": at + 1, "text": _line(lines[at])}
    if context:
        match["before"] = [_line(line) for line in lines[max(0, at - context) : at]]
        match["after"] = [_line(line) for line in lines[at + 1 : at + 1 + context]]
    return match


def _line(line: bytes) -> str:
    text = line.decode().rstrip("\r")
    return text if len(text) <= LINE_CHARS else f"{text[:LINE_CHARS]} ... [{len(text) - LINE_CHARS} more characters]"
