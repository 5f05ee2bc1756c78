"""Our messages in Anthropic's shape: the system prompt apart, content in blocks, tool results in the user's turn."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from workers.gateway.errors import ModelRefused
from workers.gateway.providers.reply import parsed
from workers.gateway.types import Message, MessageToolCall, Part


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
    kept = message.get("blocks", ())
    if any("thinking" in block["type"] for block in kept):  # else another provider's, or good to be made anew
        answered = {call["id"] for call in calls}
        return [dict(block) for block in kept if block["type"] != "tool_use" or block["id"] in answered]
    if parts := message.get("parts"):
        return [block for part in parts for block in _part(part)]
    return [*_text(message["content"]), *(_tool_use(call) for call in calls)]


def _part(part: Part) -> list[dict[str, Any]]:
    """
    Raises:
        ModelRefused: a file of a kind that the protocol does not take.
    """
    if part["type"] == "text":
        return _text(part.get("text"))
    media_type, data = part.get("media_type", ""), part.get("data", "")
    whole = {"type": "base64", "media_type": media_type, "data": data}
    if part["type"] == "image":
        return [{"type": "image", "source": whole}]
    title = {"title": part["name"]} if part.get("name") else {}
    if media_type == "application/pdf":
        return [{"type": "document", "source": whole, **title}]
    text = {"type": "text", "media_type": "text/plain", "data": _decoded(part)}
    return [{"type": "document", "source": text, **title}]


def _decoded(part: Part) -> str:
    try:
        return base64.b64decode(part.get("data", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        message = f"The file {part.get('name', '')} ({part.get('media_type', '')}) is neither text nor a PDF"
        raise ModelRefused(message, sent=False) from None


def _text(content: str | None) -> list[dict[str, Any]]:
    """A blank text is refused."""
    return [{"type": "text", "text": content}] if content and content.strip() else []


def _tool_use(call: MessageToolCall) -> dict[str, Any]:
    """The input must be an object: arguments that are none are shown to the model as what they were."""
    raw = call["function"]["arguments"]
    arguments = parsed(raw)
    shown = {"INVALID_JSON": raw} if arguments is None else arguments
    return {"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": shown}
