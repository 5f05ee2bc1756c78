"""Chat messages in Anthropic's form: the system apart, turns that alternate, tool calls and results as blocks. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from workers.gateway.types import Message, ToolSpec

Block = dict[str, Any]


def conversation(messages: Sequence[Message]) -> tuple[str, list[dict[str, Any]]]:
    """The system's text, and the turns; neighbours of one role become one turn, as results of parallel calls must."""
    system = "\n\n".join(message["content"] or "" for message in messages if message["role"] == "system")
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message["role"] == "system":
            continue
        role = "assistant" if message["role"] == "assistant" else "user"
        if not turns or turns[-1]["role"] != role:
            turns.append({"role": role, "content": []})
        turns[-1]["content"] += _blocks(message)
    return system, [turn for turn in turns if turn["content"]]


def tools(specs: Sequence[ToolSpec]) -> list[Block]:
    return [
        {"name": spec["name"], "description": spec["description"], "input_schema": spec["parameters"]} for spec in specs
    ]


def _blocks(message: Message) -> list[Block]:
    """Empty text is left out: the protocol refuses it."""
    if message["role"] == "tool":
        return [
            {
                "type": "tool_result",
                "tool_use_id": message.get("tool_call_id", ""),
                "content": message["content"] or "",
            }
        ]
    text: list[Block] = [{"type": "text", "text": message["content"]}] if message["content"] else []
    return text + [
        {
            "type": "tool_use",
            "id": call["id"],
            "name": call["function"]["name"],
            "input": _object(call["function"]["arguments"]),
        }
        for call in message.get("tool_calls", [])
    ]


def _object(raw: str) -> dict[str, Any]:
    """What a model wrote as arguments; what is no object is sent back as it was written, under one name."""
    try:
        parsed = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, dict) else {"text": raw}
