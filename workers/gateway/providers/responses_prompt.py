"""Our request as the body of OpenAI's Responses protocol. Nothing is stored there: each call tells everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workers.gateway.entries import Dialect
from workers.gateway.providers.openai_prompt import data_url, may_be_strict
from workers.gateway.providers.schema_prompt import with_words
from workers.gateway.types import Message, ModelRequest, Part

Item = dict[str, Any]


def body_of(request: ModelRequest, dialect: Dialect) -> Item:
    body: Item = {
        "model": request.model,
        "input": [item for message in _messages(request) for item in _items(message)],
        "max_output_tokens": request.max_tokens,
        "stream": True,
        "store": False,
    }
    if request.offered:
        body["tools"] = [{"type": "function", "strict": False, **tool} for tool in request.offered]
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.effort and dialect.reasoning != "none":
        body["reasoning"] = {"effort": request.effort}
        body["include"] = ["reasoning.encrypted_content"]
    if request.schema is not None and _fits(request.schema):
        wanted = {"name": "answer", "schema": request.schema, "strict": may_be_strict(request.schema)}
        body["text"] = {"format": {"type": "json_schema", **wanted}}
    return body


def _fits(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object"


def _messages(request: ModelRequest) -> list[Message]:
    if request.schema is None or _fits(request.schema):
        return list(request.messages)
    return with_words(request.messages, request.schema)


def _items(message: Message) -> Iterator[Item]:
    """What was said, then what was called: each an item of its own."""
    if message["role"] == "tool":
        output = message["content"] or ""
        yield {"type": "function_call_output", "call_id": message["tool_call_id"], "output": output}
        return
    calls = message.get("tool_calls", [])
    kept = message.get("blocks", ())
    if any(block["type"] == "reasoning" for block in kept):
        known = {call["id"] for call in calls}
        yield from (dict(b) for b in kept if b["type"] != "function_call" or b["call_id"] in known)
        return
    if content := [_part(part) for part in message.get("parts", ())] or message["content"]:
        yield {"type": "message", "role": message["role"], "content": content}
    for call in calls:
        yield {"type": "function_call", "call_id": call["id"], **call["function"]}


def _part(part: Part) -> Item:
    if part["type"] == "text":
        return {"type": "input_text", "text": part.get("text", "")}
    if part["type"] == "image":
        return {"type": "input_image", "image_url": data_url(part)}
    return {"type": "input_file", "filename": part.get("name", "file"), "file_data": data_url(part)}
