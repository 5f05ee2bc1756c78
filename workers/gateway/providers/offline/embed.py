"""
Vectors without a model: a hashed bag of words. Texts that share words are near each other, and nothing more than
that: it knows no synonyms and no meaning. The same text has the same vector on every machine.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from hashlib import blake2b

DIMENSIONS = 256
WORD = re.compile(r"\w+")


def vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Of length 1. Each word has a place and a sign; a repeated one counts by its logarithm."""
    found = [0.0] * dimensions
    words = Counter(WORD.findall(text.lower())) or Counter([""])
    for word, times in words.items():
        hashed = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        found[(hashed >> 1) % dimensions] += (1 if hashed & 1 else -1) * (1 + math.log(times))
    length = math.hypot(*found)
    return [number / length for number in found] if length else vector("", dimensions)
