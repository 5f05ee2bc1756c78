"""
How the offline provider counts tokens: pieces of words of up to twelve characters, runs of up to four signs.

A plain count that anybody can redo, of the size that a model's tokenizer gives for English and for code. Each
token has at least one character, so it never exceeds a bound taken from the bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from workers.gateway.types import Message, ToolSpec

TOKEN = re.compile(r"\w{1,12}|[^\w\s]{1,4}")


def count(text: str) -> int:
    return sum(1 for _ in TOKEN.finditer(text))


def prompt_tokens(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
    """Contents, earlier tool calls and the tools' specifications."""
    total = 0
    for message in messages:
        total += count(message["content"] or "")
        for call in message.get("tool_calls", []):
            total += count(call["function"]["name"]) + count(call["function"]["arguments"])
    return total + sum(count(f"{t['name']} {t['description']} {json.dumps(t['parameters'])}") for t in tools)


def cut(text: str, limit: int) -> str:
    """The text's first `limit` tokens."""
    for number, found in enumerate(TOKEN.finditer(text), 1):
        if number > limit:
            return text[: found.start()]
    return text
