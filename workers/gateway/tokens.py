"""How many tokens can a call take at most? For holds, and for providers that don't say.

What is said is counted by the model's tokenizer where that is installed (tokenizers.py). Else, and for all that stands
around it, its bytes count: a token of a byte-level tokenizer stands for at least one, so they bound its tokens, whichever
the tokenizer. That is three to five times too much for plain English; what is held too much is given back after.

Images are billed by their size in pixels, up to a size that the provider shrinks them to. Anthropic documents 4,784
tokens at most, OpenAI 1,445 (gpt-4o: 85 and 170 for each of 8 tiles) and up to 10,000 patches for its newest, Qwen
16,384. OpenAI's smallest of that time bills 2,833 and 5,667 a tile, which makes 48,169.

A file is text, or a PDF, of which each page is billed as its text and as an image: 1,500 to 3,000 tokens a page as
Anthropic documents it, 125,000 for 500 kB as measured. Its bytes are more than that for all but pages of next to
nothing, for which PER_FILE stands; a PDF made to cost more than its bytes is not covered.

Thinking needs no bound of its own: at every provider it counts against the completion's limit, whatever the effort.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workers.gateway.types import Message, ModelRequest, Part, ToolSpec, Usage

Count = Callable[[str], int]
BYTES_PER_TOKEN = 4
PER_CALL = 32  # what opens the answer, and the frame around the tools
PER_MESSAGE = 8  # role and separators
PER_TOOL = 32
TOOL_PROMPT = 1024  # what a provider tells its model about tools in general; Anthropic bills some hundred tokens for it
SCHEMA_PROMPT = 512  # the same about an answer in JSON
PER_IMAGE = 16_384
DEAREST_IMAGE = 48_169
DEAR_IMAGES = "gpt-4o-mini"  # and its dated versions, at whoever sells it
PER_FILE = 8_192


class BoundUsage(Usage):
    """Usage that the provider did not report, counted at its upper bound."""


def prompt_upper_bound(
    messages: Sequence[Message],
    tools: Sequence[ToolSpec],
    schema: Mapping[str, Any] | None = None,
    *,
    model: str | None = None,
    count: Count | None = None,
) -> int:
    """
    At least as many tokens as any byte-level tokenizer makes of the prompt.

    Args:
        schema: of the answer. It may stand in the prompt besides being a parameter.
        model: bounds images more closely; None is the dearest.
        count: the model's tokenizer.
    """
    told = sum(_message(message, model, count) + PER_MESSAGE for message in messages)
    offered = sum(_bytes(tool) + PER_TOOL for tool in tools)
    asked = 0 if schema is None else 2 * _bytes(schema) + SCHEMA_PROMPT
    return PER_CALL + told + offered + (TOOL_PROMPT if tools else 0) + asked


def upper_bound(request: ModelRequest) -> BoundUsage:
    """The worst case that was held. Visible text would be too low a bound: hidden reasoning is billed too."""
    prompt = prompt_upper_bound(request.messages, request.tools, request.schema, model=request.model)
    return BoundUsage(prompt, request.max_tokens)


def about(text: str) -> int:
    """An estimate for a ceiling on what is passed on, not for money: four bytes a token, as of plain English."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def texts_upper_bound(texts: Sequence[str]) -> BoundUsage:
    """Of an embedding: nothing is written."""
    return BoundUsage(sum(_bytes(text) + PER_MESSAGE for text in texts))


def _message(message: Message, model: str | None, count: Count | None) -> int:
    parts, text = message.get("parts", ()), message["content"]
    rest = {key: value for key, value in message.items() if key != "parts"}
    if count and text and not parts:
        return count(text) + _bytes({**rest, "content": ""})
    return _bytes(rest) + sum(_part(part, model) + PER_MESSAGE for part in parts)


def _part(part: Part, model: str | None) -> int:
    if part["type"] == "text":
        return _bytes(part)
    if part["type"] == "image":
        return PER_IMAGE if model and DEAR_IMAGES not in model else DEAREST_IMAGE
    name = _bytes(part.get("name", ""))
    return PER_FILE + name + len(part.get("data", "")) * 3 // 4


def _bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
