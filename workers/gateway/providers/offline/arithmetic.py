"""Arithmetic in a sentence, as expressions for the calculator. Pure."""

from __future__ import annotations

import re

NUMBER = r"[0-9][0-9,]*(?:\.[0-9]+)?"
WORDS = (
    (re.compile(rf"({NUMBER})\s*(?:%|percent)\s+of\s+({NUMBER})", re.IGNORECASE), r"(\1/100*\2)"),
    (re.compile(rf"square root of\s+({NUMBER})", re.IGNORECASE), r"(\1)**0.5"),
    (re.compile(r"\bdivided by\b|÷", re.IGNORECASE), "/"),
    (re.compile(r"\bmultiplied by\b|\btimes\b|×", re.IGNORECASE), "*"),
    (re.compile(r"\bplus\b", re.IGNORECASE), "+"),
    (re.compile(r"\bminus\b|−", re.IGNORECASE), "-"),
    (re.compile(r"(?<=[0-9\s)])squared\b", re.IGNORECASE), "**2"),
    (re.compile(r"\^"), "**"),
)
THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
PIECE = re.compile(r"[0-9(.\-+][0-9.\s+\-*/()%]*")
HYPHENATED = re.compile(r"\b[0-9]{4}-[0-9]{1,2}(?:-[0-9]{1,2})?\b|\b[0-9]{4}-[0-9]{4}\b")
LIMIT = 5
LONGEST = 2000


def expressions(text: str) -> list[str]:
    """
    >>> expressions("What is 12 * (3 + 4), and 15% of 1,200?")
    ['12 * (3 + 4)', '(15/100*1200)']
    """
    text = THOUSANDS.sub("", HYPHENATED.sub(" ", text[:LONGEST]))
    for pattern, replacement in WORDS:
        text = pattern.sub(replacement, text)
    found = [piece.strip(" \n\t.") for piece in PIECE.findall(text)]
    return list(dict.fromkeys(piece for piece in found if _is_sum(piece)))[:LIMIT]


def _is_sum(piece: str) -> bool:
    """Two numbers with a sign between them, and parentheses that close."""
    depth = 0
    for sign in piece:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0 and bool(re.search(r"[0-9)]\s*(\*\*|[-+*/%])\s*[-(]*\s*[0-9.]", piece))
