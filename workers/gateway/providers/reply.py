"""A stream of events becomes one reply. Servers differ in details, so what an event holds is read with suspicion."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.tokens import upper_bound
from workers.gateway.types import Block, ModelReply, ModelRequest, ToolCall, Usage

UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)


class ErrorEvent(Exception):
    """The provider says, in the middle of its answer, that it can't go on."""

    @classmethod
    def of(cls, error: Any) -> ErrorEvent:
        """From what stands under `error`: a mapping with a message, with most."""
        return cls(str(error.get("message") or error) if isinstance(error, dict) else str(error))


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
    def take(self, event: dict[str, Any]) -> str:
        """
        Keep what the event holds. Returns its text, "" where it has none.

        Raises:
            ErrorEvent.
        """

    @abstractmethod
    def usage(self) -> Usage | None:
        """None when it is missing or nonsense."""

    def blocks(self) -> tuple[Block, ...]:
        return ()


async def collect(events: AsyncIterable[bytes], request: ModelRequest, parts: Parts) -> ModelReply:
    """
    Args:
        events: the data of each, in JSON.
    Raises:
        ModelReplyMalformed: not what the protocol says.
        ModelUnreachable: it ended before its end.
        ErrorEvent.
    """
    text = StringIO()  # a list of small strings takes ten times their size
    count = 0
    async for event in events:
        count += 1
        if piece := _taken(event, parts, request.provider):
            text.write(piece)
            if request.on_delta:
                await request.on_delta(piece)
    if not count:
        message = f"{request.provider} sent no chat completion; is its base URL right?"
        raise ModelReplyMalformed(message, sent=True)
    if not parts.finish:
        raise ModelUnreachable(f"{request.provider} broke its answer off", sent=True)
    return ModelReply(
        text=text.getvalue(),
        provider=request.provider,
        model=request.model,
        usage=parts.usage() or upper_bound(request),
        finish_reason=parts.finish,
        tool_calls=_tool_calls(parts.calls),
        blocks=parts.blocks(),
    )


def _taken(event: bytes, parts: Parts, provider: str) -> str:
    try:
        return parts.take(json.loads(event.decode()))
    except UNREADABLE as error:
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
    """A call's arguments; None when they are no JSON object, or have a number that JSON does not have."""
    try:
        arguments = json.loads(raw or "{}")
        json.dumps(arguments, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def count(place: Any, name: str) -> int | None:
    """A number of tokens, if that is what stands there."""
    value = place.get(name) if isinstance(place, dict) else None
    return value if isinstance(value, int) and value >= 0 else None
