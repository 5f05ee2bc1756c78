"""What is in a text: lines, words, the words used most."""

from __future__ import annotations

import collections
import re
from typing import Any

from workers.gateway.providers.offline.guest.text import read_text

COMMON = {
    "the",
    "a",
    "an",
    "and",
    "or",
    "of",
    "to",
    "in",
    "is",
    "it",
    "that",
    "for",
    "on",
    "as",
    "with",
    "was",
    "at",
    "by",
    "be",
    "this",
    "are",
    "from",
    "not",
    "but",
}


def profile_text(root: str, name: str) -> dict[str, Any]:
    text = read_text(root, name)
    words = [word.casefold() for word in re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text)]
    counts = collections.Counter(word for word in words if word not in COMMON and len(word) > 2)
    return {
        "kind": "text",
        "file": name,
        "lines": len(text.splitlines()),
        "words": len(words),
        "characters": len(text),
        "distinct": len(set(words)),
        "top": [[word[:40], count] for word, count in counts.most_common(8)],
    }
