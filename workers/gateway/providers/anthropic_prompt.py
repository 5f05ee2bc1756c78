"""Our messages in Anthropic's shape: the system prompt apart, content in blocks, tool results in the user's turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from workers.gateway.providers.reply import parsed
from workers.gateway.types import Message, MessageToolCall


def system_of(messages: Sequence[Message]) -> str:
    return "\n\n".join(m["content"] for m in messages if m["role"] == "system" and m["content"])


def turns_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """User and assistant in turns. The results of parallel calls stand in one turn, as the protocol asks for."""
    told = [(_role(message), block) for message in messages for block in _blocks(message)]
    return [
        {"role": role, "content": [block for _, block in group]} for role, group in groupby(told, key=lambda t: t[0])
    ]


def _role(message: Message) -> str:
    return "assistant" if message["role"] == "assistant" else "user"


def _blocks(message: Message) -> list[dict[str, Any]]:
    if message["role"] == "system":
        return []
    if message["role"] == "tool":
        return [{"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": message["content"] or ""}]
    calls = message.get("tool_calls", [])
    if kept := message.get("blocks"):
        answered = {call["id"] for call in calls}
        return [dict(block) for block in kept if block["type"] != "tool_use" or block["id"] in answered]
    return [*_text(message["content"]), *(_tool_use(call) for call in calls)]


def _text(content: str | None) -> list[dict[str, Any]]:
    """A blank text is refused."""
    return [{"type": "text", "text": content}] if content and content.strip() else []


def _tool_use(call: MessageToolCall) -> dict[str, Any]:
    """The input must be an object: arguments that are none are shown to the model as what they were."""
    raw = call["function"]["arguments"]
    arguments = parsed(raw)
    shown = {"INVALID_JSON": raw} if arguments is None else arguments
    return {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": shown}
