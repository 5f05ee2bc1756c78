"""How many tokens can a prompt have at most? For holds: never below what a provider bills."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workers.gateway.types import Message, ToolSpec

PER_MESSAGE = 8  # role and separators
PER_TOOL = 32


def prompt_upper_bound(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
    """A token of a byte-level tokenizer has at least one byte, so the bytes of the text bound its tokens."""
    texts = sum(len(json.dumps(message, ensure_ascii=False).encode()) + PER_MESSAGE for message in messages)
    return texts + sum(len(json.dumps(tool, ensure_ascii=False).encode()) + PER_TOOL for tool in tools)
