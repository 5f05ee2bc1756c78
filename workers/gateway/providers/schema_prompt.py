"""An answer in JSON, asked for in words: where a protocol or server has no parameter for it, or not for this schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workers.gateway.types import Message

WORDS = "Answer with one JSON value that fits this JSON schema, and with nothing else: no explanation, no code fence."


def in_words(schema: Mapping[str, Any]) -> str:
    return f"{WORDS}\n{json.dumps(schema, ensure_ascii=False)}"


def with_words(messages: Sequence[Message], schema: Mapping[str, Any]) -> list[Message]:
    """As a system message after those that are there: some servers want them all in front."""
    first = next((n for n, message in enumerate(messages) if message["role"] != "system"), len(messages))
    return [*messages[:first], Message(role="system", content=in_words(schema)), *messages[first:]]
