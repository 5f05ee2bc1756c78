"""
Which of many tools fit what is asked, by the words that they share. Pure.

The rank is BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009) over a tool's name,
description and parameters, with the usual k1 and b. The same words always give the same order; equals stay as they were.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from workers.gateway.types import ToolSpec

K1, B = 1.5, 0.75
NAME_COUNTS = 3  # a word of the name weighs as much as so many of the description
WORD = re.compile(r"[^\W_]+")
PART = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # between the words of camelCase
ENDINGS = ("ions", "ion", "ors", "or", "ers", "er", "ies", "es", "ing", "ed", "s", "e", "y")
STEM_CHARS = 3


def ranked(query: str, tools: Sequence[ToolSpec]) -> list[tuple[ToolSpec, float]]:
    """All of them with how well they fit, the best first; 0 for one that shares no word with the query."""
    wanted = set(words_of(query))
    texts = [_text_of(tool) for tool in tools]
    usual = sum(text.total() for text in texts) / len(texts) if texts else 1.0
    rare = {word: _rarity(sum(word in text for text in texts), len(texts)) for word in sorted(wanted)}
    scores = [sum(weight * _share(text, word, usual) for word, weight in rare.items()) for text in texts]
    order = sorted(range(len(tools)), key=lambda at: (-scores[at], at))
    return [(tools[at], scores[at]) for at in order]


def words_of(text: str) -> list[str]:
    return [_stem(word.lower()) for word in WORD.findall(PART.sub(" ", text))]


def _text_of(tool: ToolSpec) -> Counter[str]:
    text: Counter[str] = Counter(words_of(tool["name"]) * NAME_COUNTS)
    text.update(words_of(tool["description"]))
    for name, schema in tool["parameters"].get("properties", {}).items():
        told = schema.get("description", "") if isinstance(schema, dict) else ""
        text.update(words_of(f"{name} {told}"))
    return text


def _rarity(having: int, of: int) -> float:
    return math.log(1 + (of - having + 0.5) / (having + 0.5))


def _share(text: Counter[str], word: str, usual: float) -> float:
    count = text[word]
    return count * (K1 + 1) / (count + K1 * (1 - B + B * text.total() / max(usual, 1.0)))


def _stem(word: str) -> str:
    """So that `files` finds `file` and `queries` finds `query`: no grammar, the same for both sides."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= STEM_CHARS:
            return word[: -len(ending)]
    return word
