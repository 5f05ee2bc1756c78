"""Vectors as they are kept and sent: 32-bit floats, little-endian, in base64, as OpenAI's protocol has them. Pure."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Sequence


def packed(vector: Sequence[float]) -> str:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def unpacked(text: str) -> list[float]:
    numbers = array("f", base64.b64decode(text))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def packed_bytes(dimensions: int) -> int:
    """Of one such text, with what stands around it in a list."""
    return 4 * -(-dimensions * 4 // 3) + 4
