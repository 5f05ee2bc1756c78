"""Anthropic's wire format: what comes in as chat messages, and a reply as the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.model_server import openai_wire
from tests.support.model_server.rules import Reply

STOPPED = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}


def as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """The request in the form that the script's rules know."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": body["system"]}] if body.get("system") else []
    for turn in body.get("messages") or []:
        blocks = turn["content"]
        blocks = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
        texts = [block["text"] for block in blocks if block["type"] == "text"]
        calls = [_call(block) for block in blocks if block["type"] == "tool_use"]
        results = [block for block in blocks if block["type"] == "tool_result"]
        messages += [{"role": "tool", "tool_call_id": r["tool_use_id"], "content": r["content"]} for r in results]
        if calls:
            messages.append({"role": "assistant", "content": "".join(texts) or None, "tool_calls": calls})
        elif texts:
            messages += [{"role": turn["role"], "content": text} for text in texts]
    tools = [
        {"function": {"name": t["name"], "description": t.get("description", ""), "parameters": t["input_schema"]}}
        for t in body.get("tools") or []
    ]
    return {**body, "messages": messages, "tools": tools}


def events(reply: Reply, call: str, model: str, usage: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """message_start, the blocks with their deltas, message_delta, message_stop; a ping in between, as the real one."""
    counts = usage or {}
    message = {"id": call, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": None}
    asked = {"input_tokens": counts["prompt_tokens"], "output_tokens": 1} if usage else {}
    yield {"type": "message_start", "message": {**message, "stop_sequence": None, "usage": asked}}
    yield {"type": "ping"}
    index = 0
    if reply.text:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        for piece in openai_wire.pieces(reply.text, reply.chunks):
            yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
        yield {"type": "content_block_stop", "index": 0}
        index = 1
    for number, wanted in enumerate(openai_wire.tool_calls(reply, call), index):
        block = {"type": "tool_use", "id": wanted["id"], "name": wanted["function"]["name"], "input": {}}
        yield {"type": "content_block_start", "index": number, "content_block": block}
        raw = wanted["function"]["arguments"]
        for piece in openai_wire.pieces(raw, openai_wire.ARGUMENT_PIECES):
            delta = {"type": "input_json_delta", "partial_json": piece}
            yield {"type": "content_block_delta", "index": number, "delta": delta}
        yield {"type": "content_block_stop", "index": number}
    reason = openai_wire.finish_reason(reply)
    told = {"output_tokens": counts["completion_tokens"]} if usage else {}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": STOPPED.get(reason, reason), "stop_sequence": None},
        "usage": told,
    }
    yield {"type": "message_stop"}


def _call(block: dict[str, Any]) -> dict[str, Any]:
    function = {"name": block["name"], "arguments": json.dumps(block["input"])}
    return {"id": block["id"], "type": "function", "function": function}
