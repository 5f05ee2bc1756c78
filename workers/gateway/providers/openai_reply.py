"""A stream of chunks becomes one reply. Servers differ in details, and the SDK passes chunks on unchecked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any

from openai.types.chat import ChatCompletionChunk

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.tokens import upper_bound
from workers.gateway.types import ModelReply, ModelRequest, ToolCall, Usage


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class _Parts:
    text: list[str] = field(default_factory=list)
    calls: list[_Call] = field(default_factory=list)
    at: dict[int, _Call] = field(default_factory=dict)
    usage: Any = None
    finish: str = ""


async def collect(stream: AsyncIterable[ChatCompletionChunk], request: ModelRequest) -> ModelReply:
    """
    Raises:
        ModelReplyMalformed: no chat completion.
        ModelUnreachable: it ended before its end.
    """
    parts, chunks = _Parts(), 0
    async for piece in _pieces(stream, parts, request.provider):
        chunks += 1
        if piece:
            parts.text.append(piece)
            if request.on_delta:
                await request.on_delta(piece)
    if not chunks:
        message = f"{request.provider} sent no chat completion; is its base URL right?"
        raise ModelReplyMalformed(message, sent=True)
    if not parts.finish:
        raise ModelUnreachable(f"{request.provider} broke its answer off", sent=True)
    return ModelReply(
        text="".join(parts.text),
        provider=request.provider,
        model=request.model,
        usage=_usage(parts.usage) or upper_bound(request),
        finish_reason=parts.finish,
        tool_calls=_tool_calls(parts.calls),
    )


async def _pieces(stream: AsyncIterable[ChatCompletionChunk], parts: _Parts, provider: str) -> AsyncIterable[str]:
    """The text in each chunk, "" where it has none; all else goes to `parts`."""
    try:
        async for chunk in stream:
            yield _taken(chunk, parts)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        message = f"{provider} sent something that is no chat completion ({type(error).__name__})"
        raise ModelReplyMalformed(message, sent=True) from None


def _taken(chunk: ChatCompletionChunk, parts: _Parts) -> str:
    """A refusal is an answer too."""
    parts.usage = chunk.usage or parts.usage
    if not chunk.choices:
        return ""
    choice = chunk.choices[0]
    parts.finish = choice.finish_reason or parts.finish
    if choice.delta is None:
        return ""
    for piece in choice.delta.tool_calls or ():
        call = _call_at(parts, piece.index, piece.id)
        call.name = call.name or (piece.function and piece.function.name) or ""
        call.arguments += (piece.function and piece.function.arguments) or ""
    return "" + (choice.delta.content or choice.delta.refusal or "")


def _call_at(parts: _Parts, index: int, call_id: str | None) -> _Call:
    """Some servers repeat the id in every piece; others give each call the index 0 and an id of its own."""
    call = parts.at.get(index)
    if call is None or (call_id and call.id and call_id != call.id):
        call = parts.at[index] = _Call()
        parts.calls.append(call)
    call.id = call.id or call_id or ""
    return call


def _tool_calls(calls: list[_Call]) -> tuple[ToolCall, ...]:
    """Each with an id of its own, since the answers are matched by it."""
    found: dict[str, ToolCall] = {}
    for number, call in enumerate(calls, 1):
        name = call.id if call.id and call.id not in found else f"call_{number}"
        found[name] = ToolCall(name, call.name, _arguments(call.arguments), call.arguments)
    return tuple(found.values())


def _arguments(raw: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _usage(reported: Any) -> Usage | None:
    """None when it is missing or nonsense."""
    prompt = _count(reported, "prompt_tokens")
    completion = _count(reported, "completion_tokens")
    if prompt is None or completion is None:
        return None
    cached = _count(getattr(reported, "prompt_tokens_details", None), "cached_tokens")
    return Usage(prompt, completion, min(cached or 0, prompt))


def _count(place: Any, name: str) -> int | None:
    value = getattr(place, name, None)
    return value if isinstance(value, int) and value >= 0 else None
