"""A stream of events becomes one reply."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.tokens import upper_bound
from workers.gateway.types import ModelReply, ModelRequest, ToolCall, Usage

FINISHED = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length"}


@dataclass
class _Parts:
    text: list[str] = field(default_factory=list)
    calls: dict[int, ToolCall] = field(default_factory=dict)
    raw: dict[int, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    finish: str = ""
    ended: bool = False


async def collect(stream: AsyncIterable[Any], request: ModelRequest) -> ModelReply:
    """
    Raises:
        ModelReplyMalformed: no message.
        ModelUnreachable: it ended before its end.
    """
    parts, events = _Parts(), 0
    try:
        async for event in stream:
            events += 1
            piece = _taken(event, parts)
            if piece:
                parts.text.append(piece)
                if request.on_delta:
                    await request.on_delta(piece)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        message = f"{request.provider} sent something that is no message ({type(error).__name__})"
        raise ModelReplyMalformed(message, sent=True) from None
    if not events:
        message = f"{request.provider} sent no message; is its base URL right?"
        raise ModelReplyMalformed(message, sent=True)
    if not parts.ended or not parts.finish:
        raise ModelUnreachable(f"{request.provider} broke its answer off", sent=True)
    return ModelReply(
        text="".join(parts.text),
        provider=request.provider,
        model=request.model,
        usage=_usage(parts.counts) or upper_bound(request),
        finish_reason=parts.finish,
        tool_calls=tuple(_call(parts, index) for index in sorted(parts.calls)),
    )


def _taken(event: Any, parts: _Parts) -> str:
    """The text in an event, "" where it has none; all else goes to `parts`."""
    match event.type:
        case "message_start":
            _count(event.message.usage, parts)
        case "content_block_start" if event.content_block.type == "tool_use":
            parts.calls[event.index] = ToolCall(event.content_block.id, event.content_block.name, None, "")
        case "content_block_delta" if event.delta.type == "text_delta":
            return str(event.delta.text)
        case "content_block_delta" if event.delta.type == "input_json_delta":
            parts.raw[event.index] = parts.raw.get(event.index, "") + event.delta.partial_json
        case "message_delta":
            parts.finish = FINISHED.get(event.delta.stop_reason, event.delta.stop_reason or "")
            _count(event.usage, parts)
        case "message_stop":
            parts.ended = True
    return ""


def _count(usage: Any, parts: _Parts) -> None:
    """The counts of the last event that has them: later ones are totals."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    for name in names:
        value = getattr(usage, name, None)
        if isinstance(value, int) and value >= 0:
            parts.counts[name] = value


def _usage(counts: dict[str, int]) -> Usage | None:
    """`input_tokens` leaves out what was read from or written to the provider's cache; ours is the whole prompt."""
    if "input_tokens" not in counts or "output_tokens" not in counts:
        return None
    read = counts.get("cache_read_input_tokens", 0)
    prompt = counts["input_tokens"] + read + counts.get("cache_creation_input_tokens", 0)
    return Usage(prompt, counts["output_tokens"], read)


def _call(parts: _Parts, index: int) -> ToolCall:
    call, raw = parts.calls[index], parts.raw.get(index, "") or "{}"
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        parsed = None
    return ToolCall(call.id, call.name, parsed if isinstance(parsed, dict) else None, raw)
