"""Reads the body of POST /v1/completions. Every refusal names the field and the limit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from webapp.api.bodies import an_object
from webapp.api.submission import ID, TIERS, one_of, session_of, text_of
from webapp.api.window_request import WINDOW, read_window
from webapp.common.errors import Invalid
from webapp.common.values import JSON, SCHEMA_BYTES

ROLES = ("system", "developer", "user", "assistant", "tool")
EFFORTS = ("low", "medium", "high")
TOKENS_LIMIT = 32_000
MESSAGES_LIMIT = 2_000
TOOLS_LIMIT = 128
TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
STRATEGY = re.compile(r"[a-z_-]{1,40}")
DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,([A-Za-z0-9+/=\s]+)")
HEDGE_LIMIT_S = 60.0
SECONDS: dict[object, str] = {300: "5m", 3600: "1h"}  # for which providers keep a prompt

COMPLETION: JSON = {  # as OpenAPI tells it; what counts is read_completion
    "type": "object",
    "required": ["messages"],
    "properties": {
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": MESSAGES_LIMIT,
            "items": {
                "type": "object",
                "required": ["role"],
                "properties": {"role": {"enum": list(ROLES)}, "content": {}, "tool_calls": {"type": "array"}},
            },
        },
        "model_tier": {"enum": list(TIERS)},
        "specific_model": {"type": "string", "maxLength": 120},
        "provider": {"type": "string", "maxLength": 120},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "max_tokens": {"type": "integer", "minimum": 1, "maximum": TOKENS_LIMIT},
        "tools": {"type": "array", "maxItems": TOOLS_LIMIT, "items": {"type": "object"}},
        "response_schema": {"type": "object"},
        "response_format": {"type": "object"},
        "stream": {"type": "boolean"},
        "thinking": {},
        "reasoning_effort": {"enum": list(EFFORTS)},
        "session_id": {"type": "string", "pattern": f"^{ID.pattern}$"},
        "routing_strategy": {"type": "string"},
        "enable_hedging": {"type": "boolean"},
        "hedge_timeout": {"type": "number", "minimum": 0, "maximum": HEDGE_LIMIT_S},
        "use_cache": {"type": "boolean", "default": True},
        "cache_ttl": {"enum": ["5m", "1h", 300, 3600]},
        **WINDOW,
    },
}


@dataclass(frozen=True)
class Asked:
    """A validated request as the worker takes it. Without a `window` all messages are told."""

    messages: list[JSON]
    tools: list[JSON]
    options: JSON
    session: str | None
    stream: bool
    window: JSON | None = None


def read_completion(body: Any) -> Asked:
    """
    Raises:
        Invalid: the first field that breaks a rule.
    """
    body = an_object(body)
    asked = Asked(
        _messages(body), _tools(body), _options(body), session_of(body), _flag(body, "stream"), read_window(body)
    )
    size = len(json.dumps([asked.messages, asked.tools, asked.options]))
    if size > settings.COMPLETION_INPUT_BYTES:
        limit = settings.COMPLETION_INPUT_BYTES
        raise Invalid(field="messages", message=f"have {size} bytes as JSON with the tools; the limit is {limit}")
    return asked


# --- messages ---


def _messages(body: JSON) -> list[JSON]:
    given = body.get("messages")
    if not isinstance(given, list) or not 1 <= len(given) <= MESSAGES_LIMIT:
        raise Invalid(field="messages", message=f"must be a list of 1 to {MESSAGES_LIMIT} messages")
    return [_message(item, f"messages[{position}]") for position, item in enumerate(given)]


def _message(item: Any, field: str) -> JSON:
    if not isinstance(item, dict) or item.get("role") not in ROLES:
        raise Invalid(field=f"{field}.role", message=f"must be one of {', '.join(ROLES)}")
    role = "system" if item["role"] == "developer" else item["role"]
    text, parts = _content(item.get("content"), f"{field}.content")
    message: JSON = {"role": role, "content": text}
    if role == "user" and any(part["type"] != "text" for part in parts):
        message["parts"] = parts
    if role == "assistant" and item.get("tool_calls"):
        message["tool_calls"] = _calls(item["tool_calls"], f"{field}.tool_calls")
    if role == "tool":
        message["tool_call_id"] = _text(item.get("tool_call_id"), f"{field}.tool_call_id", 200)
    if text is None and "tool_calls" not in message and "parts" not in message:
        raise Invalid(field=f"{field}.content", message="is required")
    return message


def _content(given: Any, field: str) -> tuple[str | None, list[JSON]]:
    """Its text, and all of its parts when it has any."""
    if given is None or isinstance(given, str):
        return given, []
    if not isinstance(given, list) or not given:
        raise Invalid(field=field, message="must be a string, null or a list of parts")
    parts = [_part(part, f"{field}[{position}]") for position, part in enumerate(given)]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    return "\n\n".join(texts) if texts else None, parts


def _part(part: Any, field: str) -> JSON:
    kind = part.get("type") if isinstance(part, dict) else None
    match kind:
        case "text":
            return {"type": "text", "text": _text(part.get("text"), f"{field}.text", settings.COMPLETION_INPUT_BYTES)}
        case "image_url":
            image = part.get("image_url")
            return {
                "type": "image",
                **_data(image.get("url") if isinstance(image, dict) else image, f"{field}.image_url"),
            }
        case "file":
            file = part.get("file")
            if not isinstance(file, dict):
                raise Invalid(field=f"{field}.file", message="must be an object with file_data")
            name = _text(file.get("filename") or "file", f"{field}.file.filename", 200)
            return {"type": "file", "name": name, **_data(file.get("file_data"), f"{field}.file.file_data")}
    raise Invalid(field=f"{field}.type", message="must be text, image_url or file")


def _data(uri: Any, field: str) -> JSON:
    """Nothing is fetched from other addresses: the bytes come along."""
    found = DATA_URI.fullmatch(uri) if isinstance(uri, str) else None
    if found is None:
        raise Invalid(field=field, message="must be a data URI in base64, e.g. data:image/png;base64,iVBO...")
    return {"media_type": found[1].lower(), "data": re.sub(r"\s", "", found[2])}


def _calls(given: Any, field: str) -> list[JSON]:
    if not isinstance(given, list):
        raise Invalid(field=field, message="must be a list")
    calls = []
    for position, call in enumerate(given):
        place = f"{field}[{position}]"
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
            raise Invalid(field=place, message="must have an id and a function with name and arguments, a JSON string")
        name = _text(function.get("name"), f"{place}.function.name", 64)
        told = {"name": name, "arguments": function["arguments"]}
        calls.append({"id": _text(call.get("id"), f"{place}.id", 200), "type": "function", "function": told})
    return calls


def _text(value: Any, field: str, limit: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        raise Invalid(field=field, message=f"must be a string of 1 to {limit} characters")
    return value


# --- tools ---


def _tools(body: JSON) -> list[JSON]:
    """Offered to the model; its calls are the caller's to make."""
    given = body.get("tools")
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > TOOLS_LIMIT:
        raise Invalid(field="tools", message=f"must be a list of at most {TOOLS_LIMIT} tools")
    return [_tool(item, f"tools[{position}]") for position, item in enumerate(given)]


def _tool(item: Any, field: str) -> JSON:
    """Bare, or as OpenAI wraps it: `{"type": "function", "function": {"name", "description", "parameters"}}`."""
    told = item.get("function", item) if isinstance(item, dict) else None
    if not isinstance(told, dict):
        raise Invalid(field=field, message="must be an object with a function")
    name, parameters = told.get("name"), told.get("parameters", {"type": "object", "properties": {}})
    if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
        raise Invalid(field=f"{field}.name", message="must be 1 to 64 letters, digits or _ . -")
    if not isinstance(parameters, dict):
        raise Invalid(field=f"{field}.parameters", message="must be a JSON schema object")
    return {"name": name, "description": str(told.get("description") or ""), "parameters": parameters}


# --- options ---


def _options(body: JSON) -> JSON:
    """Only what is given: everything has a default."""
    found = {
        "tier": one_of(body, "model_tier", TIERS),
        "model": text_of(body, "specific_model"),
        "provider": text_of(body, "provider"),
        "strategy": _strategy(body),
        "temperature": _number(body, "temperature", 2),
        "max_tokens": _tokens(body),
        "schema": _schema(body),
        "effort": _effort(body),
        "cache": _lifetime(body),
        "hedge": _flag(body, "enable_hedging") or None,
        "hedge_s": _number(body, "hedge_timeout", HEDGE_LIMIT_S),
        "use_cache": None if _flag(body, "use_cache", usual=True) else False,
    }
    return {name: value for name, value in found.items() if value is not None}


def _flag(body: JSON, field: str, *, usual: bool = False) -> bool:
    value = body.get(field)
    if value not in (None, True, False):
        raise Invalid(field=field, message="must be true or false")
    return usual if value is None else bool(value)


def _number(body: JSON, field: str, most: float) -> float | None:
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise Invalid(field=field, message=f"must be a number from 0 to {most:g}")
    return float(value)


def _tokens(body: JSON) -> int | None:
    field = "max_tokens" if body.get("max_tokens") is not None else "max_completion_tokens"
    value = body.get(field)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= TOKENS_LIMIT:
        raise Invalid(field=field, message=f"must be a whole number from 1 to {TOKENS_LIMIT}")
    return value


def _strategy(body: JSON) -> str | None:
    value = body.get("routing_strategy")
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not STRATEGY.fullmatch(value.lower()):
        raise Invalid(field="routing_strategy", message="must be the name of a strategy")
    return value.lower()


def _schema(body: JSON) -> JSON | None:
    """`response_schema`, or OpenAI's `response_format`."""
    given = body.get("response_schema")
    if given is not None:
        if not isinstance(given, dict):
            raise Invalid(field="response_schema", message="must be a JSON schema object")
        return _bounded(given, "response_schema")
    form = body.get("response_format")
    kind = form.get("type") if isinstance(form, dict) else None
    if form is None or kind == "text":
        return None
    if kind == "json_object":
        return {"type": "object"}
    wrapped = form.get("json_schema") if isinstance(form, dict) and kind == "json_schema" else None
    schema = wrapped.get("schema") if isinstance(wrapped, dict) else None
    if not isinstance(schema, dict):
        message = "must be of type text, json_object, or json_schema with json_schema.schema, an object"
        raise Invalid(field="response_format", message=message)
    return _bounded(schema, "response_format.json_schema.schema")


def _bounded(schema: JSON, field: str) -> JSON:
    size = len(json.dumps(schema))
    if size > SCHEMA_BYTES:
        raise Invalid(field=field, message=f"has {size} bytes as JSON; the limit is {SCHEMA_BYTES}")
    return schema


def _effort(body: JSON) -> str | None:
    """`reasoning_effort`; else `thinking`: true, or as Anthropic says it, with `budget_tokens`."""
    if effort := one_of(body, "reasoning_effort", EFFORTS):
        return effort
    thinking = body.get("thinking")
    if thinking in (None, False) or (isinstance(thinking, dict) and thinking.get("type") == "disabled"):
        return None
    if thinking is True:
        return "medium"
    budget = thinking.get("budget_tokens", 8192) if isinstance(thinking, dict) else None
    if isinstance(budget, bool) or not isinstance(budget, int) or budget < 1:
        raise Invalid(field="thinking", message="must be true, false or an object with budget_tokens, a whole number")
    return "low" if budget <= 4096 else "medium" if budget <= 16384 else "high"


def _lifetime(body: JSON) -> str | None:
    value = body.get("cache_ttl")
    if value in (None, ""):
        return None
    lifetime = SECONDS.get(value, value) if isinstance(value, int | str) else None
    if lifetime not in SECONDS.values():
        raise Invalid(field="cache_ttl", message="must be 5m or 1h, or so many seconds")
    return str(lifetime)
