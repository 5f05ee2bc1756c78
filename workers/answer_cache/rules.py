"""Which calls may be answered by an earlier answer, and which answers are kept for that. Pure."""

from __future__ import annotations

from collections.abc import Callable

from workers.gateway.types import ModelReply, ModelRequest

WHOLE = ("stop", "tool_calls")  # how an answer ends that was not cut or withheld


def may_share(request: ModelRequest, *, acts: Callable[[str], bool], temperature_most: float) -> bool:
    """
    Args:
        acts: does the tool of this name act on the world? Of a caller's own tools nobody here knows.
        temperature_most: above it the caller wants variety; without a temperature they want none.
    """
    if request.schema is not None:
        return False  # who asks for strict JSON wants it made for this call
    if request.purpose == "summarise":
        return False  # kept with its conversation
    if request.offered and (request.purpose == "complete" or any(acts(tool["name"]) for tool in request.offered)):
        return False
    return request.temperature is None or request.temperature <= temperature_most


def worth_keeping(reply: ModelReply) -> bool:
    """An answer that was cut may be whole the next time."""
    return reply.finish_reason in WHOLE and bool(reply.text or reply.tool_calls)
