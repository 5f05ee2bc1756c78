"""A stream of chunks becomes one reply. Servers differ in details, and the SDKs pass chunks on unchecked."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.tokens import upper_bound
from workers.gateway.types import Block, ModelReply, ModelRequest, ToolCall, Usage


@dataclass
class Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class Parts(ABC):
    """
    What has come so far; a subclass knows the protocol.

    Attributes:
        finish: why it ended; "" as long as it goes on.
    """

    calls: list[Call] = field(default_factory=list)
    finish: str = ""

    @abstractmethod
    def take(self, chunk: Any) -> str:
        """Keep what the chunk holds. Returns its text, "" where it has none."""

    @abstractmethod
    def usage(self) -> Usage | None:
        """None when it is missing or nonsense."""

    def blocks(self) -> tuple[Block, ...]:
        return ()


async def collect(stream: AsyncIterable[Any], request: ModelRequest, parts: Parts) -> ModelReply:
    """
    Raises:
        ModelReplyMalformed: not what the protocol says.
        ModelUnreachable: it ended before its end.
    """
    text: list[str] = []
    chunks = 0
    async for piece in _pieces(stream, parts, request.provider):
        chunks += 1
        if piece:
            text.append(piece)
            if request.on_delta:
                await request.on_delta(piece)
    if not chunks:
        message = f"{request.provider} sent no chat completion; is its base URL right?"
        raise ModelReplyMalformed(message, sent=True)
    if not parts.finish:
        raise ModelUnreachable(f"{request.provider} broke its answer off", sent=True)
    return ModelReply(
        text="".join(text),
        provider=request.provider,
        model=request.model,
        usage=parts.usage() or upper_bound(request),
        finish_reason=parts.finish,
        tool_calls=_tool_calls(parts.calls),
        blocks=parts.blocks(),
    )


async def _pieces(stream: AsyncIterable[Any], parts: Parts, provider: str) -> AsyncIterator[str]:
    try:
        async for chunk in stream:
            yield parts.take(chunk)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        message = f"{provider} sent something that is no chat completion ({type(error).__name__})"
        raise ModelReplyMalformed(message, sent=True) from None


def _tool_calls(calls: list[Call]) -> tuple[ToolCall, ...]:
    """Each with an id of its own, since the answers are matched by it."""
    found: dict[str, ToolCall] = {}
    for number, call in enumerate(calls, 1):
        name = call.id if call.id and call.id not in found else f"call_{number}"
        found[name] = ToolCall(name, call.name, parsed(call.arguments), call.arguments)
    return tuple(found.values())


def parsed(raw: str) -> dict[str, Any] | None:
    """A call's arguments; None when they are no JSON object."""
    try:
        arguments = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def count(place: Any, name: str) -> int | None:
    """A number of tokens, if that is what stands there."""
    value = getattr(place, name, None)
    return value if isinstance(value, int) and value >= 0 else None
