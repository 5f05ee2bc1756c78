"""How many tokens can a call take at most? For holds, and for providers that don't say.

A token of a byte-level tokenizer stands for at least one byte, so the bytes of a text bound its tokens, whichever
the tokenizer. That is three to five times too much for plain English; what is held too much is given back after.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workers.gateway.types import Message, ModelRequest, ToolSpec, Usage

PER_CALL = 32  # what opens the answer, and the frame around the tools
PER_MESSAGE = 8  # role and separators
PER_TOOL = 32
TOOL_PROMPT = 1024  # what a provider tells its model about tools in general; Anthropic bills some hundred tokens for it


class BoundUsage(Usage):
    """Usage that the provider did not report, counted at its upper bound."""


def prompt_upper_bound(messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
    """At least as many tokens as any byte-level tokenizer makes of the prompt."""
    told = sum(_bytes(message) + PER_MESSAGE for message in messages)
    offered = sum(_bytes(tool) + PER_TOOL for tool in tools)
    return PER_CALL + told + offered + (TOOL_PROMPT if tools else 0)


def upper_bound(request: ModelRequest) -> BoundUsage:
    """The worst case that was held. Visible text would be too low a bound: hidden reasoning is billed too."""
    return BoundUsage(prompt_upper_bound(request.messages, request.tools), request.max_tokens)


def texts_upper_bound(texts: Sequence[str]) -> BoundUsage:
    """Of an embedding: nothing is written."""
    return BoundUsage(sum(_bytes(text) + PER_MESSAGE for text in texts))


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
