"""Compares two texts line by line. Pure; the worst texts take as long as the square of their length."""

from __future__ import annotations

from difflib import unified_diff
from typing import Any

from workers.toolbox.aside.lines import lines_of

LINES_SHOWN = 500
CHARS_SHOWN = 60_000
NO_NEWLINE = "\\ No newline at end of file\n"


def warm_up() -> None:
    do({"names": ["a", "b"], "context": 3}, (b"a", b"b"))


def do(asked: dict[str, Any], blobs: tuple[bytes, ...]) -> dict[str, Any]:
    """
    A unified diff, as `patch` takes it, of which 500 lines are shown.

    Args:
        asked: `{"names": ["a.txt", "b.txt"], "context": 3}`; blobs: both texts in UTF-8.
    """
    before, after = (lines_of(blob.decode()) for blob in blobs)
    name_a, name_b = asked["names"]
    lines = list(unified_diff(before, after, name_a, name_b, n=asked["context"]))
    shown, chars = 0, 0
    while shown < min(len(lines), LINES_SHOWN) and (chars := chars + len(lines[shown])) <= CHARS_SHOWN:
        shown += 1
    return {
        "identical": not lines,
        "added": sum(line.startswith("+") for line in lines[2:]),
        "removed": sum(line.startswith("-") for line in lines[2:]),
        "diff": "".join(map(_ended, lines[:shown])),
        "lines": len(lines),
        "truncated": shown < len(lines),
    }


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n{NO_NEWLINE}"
