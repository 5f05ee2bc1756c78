"""What differs between two texts, word by word: a prompt's paragraphs are too long to be told apart as lines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

WORD = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True)
class Piece:
    """`kind` is one of same, gone, new."""

    kind: str
    text: str


def difference(before: str, after: str) -> list[Piece]:
    """The pieces that are `same` or `gone` are the text before, those that are `same` or `new` the text after."""
    return [piece for piece in _pieces(WORD.findall(before), WORD.findall(after)) if piece.text]


def _pieces(before: list[str], after: list[str]) -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(before[a:b]))
        else:
            yield Piece("gone", "".join(before[a:b]))
            yield Piece("new", "".join(after[c:d]))
