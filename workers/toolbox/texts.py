"""Makes text from outside fit to be stored and shown. Pure."""

from __future__ import annotations

import json
from typing import Any

from webapp.common.values import storable


def value_of(text: str, limit_chars: int, *, otherwise: str) -> dict[str, Any]:
    """`{"value": ...}` for JSON that can be stored, else the text, bounded, under the name `otherwise`."""
    if len(text) <= limit_chars:
        try:
            value = storable(json.loads(text))
            json.dumps(value, allow_nan=False)
            return {"value": value}
        except (ValueError, RecursionError):
            pass
    return {otherwise: bounded(text, limit_chars)}


def bounded(text: str, limit_chars: int) -> str:
    """
    Beginning and end of a long text with a note between them, a little over `limit_chars` long.

    What Postgres can't keep in JSON (NUL, halves of surrogate pairs) becomes the replacement character.
    """
    text = text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if len(text) <= limit_chars:
        return text
    tail = limit_chars // 4
    head = limit_chars - tail
    note = f"\n... [cut: {len(text) - limit_chars} of {len(text)} characters left out] ...\n"
    return text[:head] + note + text[len(text) - tail :]
