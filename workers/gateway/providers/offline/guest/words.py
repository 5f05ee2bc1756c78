"""Which columns and values a question's words name. Pure; the planner's side uses the same tokens."""

from __future__ import annotations

import re

from workers.gateway.providers.offline.guest.table import Column

UNITS = {
    "mm",
    "cm",
    "m",
    "km",
    "g",
    "kg",
    "t",
    "mg",
    "lb",
    "l",
    "s",
    "ms",
    "min",
    "h",
    "kw",
    "kwh",
    "mwh",
    "gwh",
    "twh",
    "c",
    "f",
    "k",
    "usd",
    "eur",
    "gbp",
    "pct",
    "percent",
    "ppm",
}
SPLIT = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")
VALUES_LIMIT = 200


def stem(word: str) -> str:
    """Singular and plural become one; both sides of a comparison go through here, so it need not be right."""
    word = word.casefold()
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ses", "xes", "ches", "shes")):
        return word[:-2]
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural else word


def tokens(text: str) -> list[str]:
    return [stem(word) for word in SPLIT.split(text) if word]


def name_tokens(name: str) -> list[str]:
    """Tokens of a column's name without its unit."""
    found = tokens(name)
    return [token for token in found if token not in UNITS] or found


def find_columns(columns: list[Column], words: list[str]) -> list[Column]:
    """
    Columns named in full, or in part by a word that no full name uses; in the order of the words.

    Of two full names where one contains the other (`sales`, `net_sales`), the longer one is meant.
    """
    names = {column.name: set(name_tokens(column.name)) for column in columns}
    full = [column for column in columns if names[column.name] and names[column.name] <= set(words)]
    full = [c for c in full if not any(names[c.name] < names[other.name] for other in full)]
    left = set(words).difference(*(names[column.name] for column in full))
    hits = {c.name: len(names[c.name] & left) for c in columns if c not in full}
    part = [c for c in columns if hits.get(c.name) and hits[c.name] == max(hits.values())]
    return sorted(full + part, key=lambda c: min(words.index(t) for t in names[c.name] if t in words))


def find_values(columns: list[Column], words: list[str]) -> dict[str, list[str]]:
    """Values of text columns that the words name, by column, e.g. `{"island": ["Biscoe"]}`."""
    found: dict[str, list[str]] = {}
    for column in columns:
        distinct = {cell for cell in column.cells if cell is not None} if column.kind == "text" else set()
        if len(distinct) > VALUES_LIMIT:
            continue
        named = [v for v in sorted(distinct) if set(tokens(v)) and set(tokens(v)) <= set(words)]
        if named:
            found[column.name] = named
    return found
