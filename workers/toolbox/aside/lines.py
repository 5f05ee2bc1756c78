"""What a line is: all tools that count lines count alike. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO


def each_line(text: str) -> Iterator[str]:
    r"""
    With their ends; only "\n" ends one, so that a "\r" before it stays in sight.

    >>> list(each_line("a\r\nb\x0cc"))
    ['a\r\n', 'b\x0cc']
    """
    return iter(StringIO(text, newline="\n"))


def lines_of(text: str) -> list[str]:
    return list(each_line(text))


def count_lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and text != "")
