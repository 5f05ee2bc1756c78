"""Our request as the body of Anthropic's messages protocol: the system prompt apart, the rest in turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anthropic

from workers.gateway.entries import Dialect
from workers.gateway.providers.anthropic_turns import system_of, turns_of
from workers.gateway.providers.schema_prompt import in_words
from workers.gateway.types import ModelRequest

Body = dict[str, Any]


def body_of(request: ModelRequest, dialect: Dialect) -> Body:
    """
    Without a temperature: Claude's current models refuse it, and the SDK has no such argument any more.

    Tools are told even when none may be called: messages with earlier calls are refused without them.
    """
    body: Body = {
        "model": request.model,
        "messages": turns_of(request.messages),
        "max_tokens": request.max_tokens,
        "stream": True,
    }
    wanted = _format(request.schema, dialect)
    words = in_words(request.schema) if request.schema is not None and not wanted else ""
    if system := "\n\n".join(filter(None, (system_of(request.messages), words))):
        body["system"] = [{"type": "text", "text": system}]
    if request.tools:
        body["tools"] = [
            {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
            for tool in request.tools
        ]
        body["tool_choice"] = {"type": "auto" if request.may_call else "none"}
    _think(body, request, dialect)
    if wanted:
        body.setdefault("output_config", {})["format"] = wanted
    if request.cache:
        _keep(body, {"type": "ephemeral", "ttl": request.cache})
    return body


def _format(schema: Mapping[str, Any] | None, dialect: Dialect) -> Body | None:
    """The schema in the part of JSON schema that the protocol knows; None where it can't be said in that."""
    if schema is None or dialect.schema_ != "json_schema":
        return None
    try:
        return {"type": "json_schema", "schema": anthropic.transform_schema(dict(schema))}
    except (ValueError, TypeError, AttributeError, AssertionError, RecursionError):
        return None


def _think(body: Body, request: ModelRequest, dialect: Dialect) -> None:
    """Thinking is off unless it is asked for; how much is then the model's to decide, by the effort."""
    if request.effort and dialect.reasoning != "none":
        body["thinking"] = {"type": "adaptive"}
        body["output_config"] = {"effort": request.effort}


def _keep(body: Body, lifetime: Body) -> None:
    """What stays the same from call to call: the tools, the system prompt, and the conversation so far."""
    turns: list[Body] = body["messages"]
    said = turns[-1]["content"] if turns and turns[-1]["role"] == "user" else []
    places: list[list[Body]] = [body.get("tools", []), body.get("system", []), said]
    for blocks in filter(None, places):
        blocks[-1] = {**blocks[-1], "cache_control": lifetime}
