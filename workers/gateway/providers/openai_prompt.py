"""Our request as the body of OpenAI's chat protocol, in the dialect of the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.gateway.entries import Dialect
from workers.gateway.providers.schema_prompt import with_words
from workers.gateway.types import Message, ModelRequest, Part

STRICT = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs"}
STRICT |= {"title", "description"}
NESTED = ("properties", "$defs")


def body_of(request: ModelRequest, dialect: Dialect) -> dict[str, Any]:
    """
    Args:
        dialect: OpenAI's newer models know `max_completion_tokens` only, many other servers `max_tokens` only.
    """
    body: dict[str, Any] = {
        "model": request.model,
        "messages": _messages(request, dialect),
        dialect.max_tokens: request.max_tokens,
        "stream": True,
    }
    if dialect.usage == "stream_options":
        body["stream_options"] = {"include_usage": True}
    if request.offered:
        body["tools"] = [{"type": "function", "function": tool} for tool in request.offered]
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.schema is not None and (wanted := _response_format(request.schema, dialect)):
        body["response_format"] = wanted
    if request.effort and dialect.reasoning == "reasoning_effort":
        body["reasoning_effort"] = request.effort
    return body


def data_url(part: Part) -> str:
    return f"data:{part.get('media_type', 'application/octet-stream')};base64,{part.get('data', '')}"


def may_be_strict(schema: object) -> bool:
    """Strict answers are for closed objects whose keys are all required, in the words of JSON schema that it knows."""
    if not isinstance(schema, Mapping):
        return True  # of `enum` or `required`, or a key's plain value
    if schema.keys() - STRICT:
        return False
    if "properties" in schema or schema.get("type") == "object":
        keys = set(schema.get("properties", ()))
        if schema.get("additionalProperties") is not False or set(schema.get("required", ())) != keys:
            return False
    named = [inner for place in NESTED for inner in schema.get(place, {}).values()]
    return all(map(may_be_strict, [*named, schema.get("items"), *schema.get("anyOf", ())]))


def _response_format(schema: Mapping[str, Any], dialect: Dialect) -> dict[str, Any] | None:
    if _has_parameter(schema, dialect):
        wanted = {"name": "answer", "schema": schema, "strict": may_be_strict(schema)}
        return {"type": "json_schema", "json_schema": wanted}
    return {"type": "json_object"} if dialect.schema_ == "json_object" and schema.get("type") == "object" else None


def _has_parameter(schema: Mapping[str, Any], dialect: Dialect) -> bool:
    return dialect.schema_ == "json_schema" and schema.get("type") == "object"


def _messages(request: ModelRequest, dialect: Dialect) -> list[dict[str, Any]]:
    told = request.messages
    if request.schema is not None and not _has_parameter(request.schema, dialect):
        told = with_words(told, request.schema)
    return [_message(message) for message in told]


def _message(message: Message) -> dict[str, Any]:
    told = {key: value for key, value in message.items() if key not in ("blocks", "parts")}
    if parts := message.get("parts"):
        told["content"] = [_part(part) for part in parts]
    return told


def _part(part: Part) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part.get("text", "")}
    if part["type"] == "image":
        return {"type": "image_url", "image_url": {"url": data_url(part)}}
    return {"type": "file", "file": {"filename": part.get("name", "file"), "file_data": data_url(part)}}
