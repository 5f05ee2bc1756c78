"""A summary without understanding: the beginning of each line. Pure."""

from __future__ import annotations

LINE_CHARS, WHOLE_CHARS = 120, 2_000


def beginnings(text: str) -> str:
    """The newest lines, as many as fit."""
    kept: list[str] = []
    room = WHOLE_CHARS
    for line in reversed([line.strip()[:LINE_CHARS] for line in text.splitlines() if line.strip()]):
        if len(line) + 1 > room:
            break
        kept.append(line)
        room -= len(line) + 1
    return "\n".join(reversed(kept))
