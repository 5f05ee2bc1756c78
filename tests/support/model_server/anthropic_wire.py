"""Anthropic's wire format: a request in the rules' words, and a reply as one body or as the events of a stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.support.model_server.openai_wire import ARGUMENT_PIECES, pieces
from tests.support.model_server.rules import Reply

PATH = "/v1/messages"
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal"}
ERRORS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
ERRORS |= {429: "rate_limit_error", 529: "overloaded_error"}


CACHE_MARKS = 4
NOTHING: dict[str, Any] = {"content": []}


def call_id(n: int) -> str:
    return f"msg_{n:06d}"


def messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """As rules and log have them: one message per role and result, `blocks` beside what an assistant said."""
    told = body.get("system") or []
    text = told if isinstance(told, str) else "\n".join(block["text"] for block in told)
    system = [{"role": "system", "content": text}] if text else []
    return [*system, *(message for turn in body["messages"] for message in _messages(turn))]


def tools(body: dict[str, Any]) -> list[str]:
    """Those that may be called."""
    barred = (body.get("tool_choice") or {}).get("type") == "none"
    return [] if barred else [tool["name"] for tool in body.get("tools") or []]


def refusal(body: dict[str, Any]) -> str | None:
    """What the real server would refuse, of the mistakes that are easily made."""
    turns = body["messages"]
    blocks = [block for turn in turns for block in _content(turn)]
    if not isinstance(body.get("max_tokens"), int) or "temperature" in body:
        return "max_tokens is required, temperature is not known"
    if [turn["role"] for turn in turns] != [("user", "assistant")[n % 2] for n in range(len(turns))]:
        return "roles must take turns, and the user begins"
    if json.dumps(body).count('"cache_control"') > CACHE_MARKS:
        return "a maximum of 4 blocks with cache_control may be provided"
    if _open_object((body.get("output_config") or {}).get("format") or {}):
        return "output_config.format.schema: for 'object' type, 'additionalProperties' must be explicitly set to false"
    if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
        return "text content blocks must be non-empty"
    if any(block["type"] in ("tool_use", "tool_result") for block in blocks) and not body.get("tools"):
        return "requests with tool_use or tool_result blocks must define tools"
    for turn, following in pairwise([NOTHING, *turns, NOTHING]):
        if _ids(turn, "tool_use", "id") != _ids(following, "tool_result", "tool_use_id"):
            return "each tool_use must have its tool_result in the next message"
    return None


def _open_object(place: Any) -> bool:
    inner = place.values() if isinstance(place, dict) else place if isinstance(place, list) else ()
    left_open = (
        isinstance(place, dict) and place.get("type") == "object" and place.get("additionalProperties") is not False
    )
    return left_open or any(map(_open_object, inner))


def usage(spent: dict[str, Any]) -> dict[str, Any]:
    """From the log's words: here the prompt's tokens are told in three parts."""
    cached, written = spent.get("cached_tokens", 0), spent.get("cache_write_tokens", 0)
    hour = spent.get("cache_write_1h_tokens", 0)
    return {
        "input_tokens": spent["prompt_tokens"] - cached - written,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written - hour, "ephemeral_1h_input_tokens": hour},
        "output_tokens": spent["completion_tokens"],
    }


def error(status: int, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": ERRORS.get(status, "api_error"), "message": message}}


def completion(reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None) -> dict[str, Any]:
    content = [{**block, **whole} for block, whole, _ in _blocks(reply, call)]
    return {**_message(call, body.get("model", ""), spent), "content": content, "stop_reason": _stop_reason(reply)}


def frames(reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None) -> Iterator[bytes]:
    begun = {**spent, "completion_tokens": 1} if spent else None
    yield frame({"type": "message_start", "message": _message(call, body.get("model", ""), begun)})
    yield frame({"type": "ping"})
    for index, (block, _, deltas) in enumerate(_blocks(reply, call)):
        yield frame({"type": "content_block_start", "index": index, "content_block": block})
        for delta in deltas:
            yield frame({"type": "content_block_delta", "index": index, "delta": delta})
        yield frame({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
    yield frame({"type": "message_delta", "delta": delta, "usage": usage(spent) if spent else None})
    yield frame({"type": "message_stop"})


def frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def broken(message: str) -> bytes:
    """An error in the middle of a stream."""
    return frame(error(529, message))


def malformed() -> bytes:
    return b"event: content_block_delta\ndata: {this is no JSON\n\n"


def _message(call: str, model: str, spent: dict[str, Any] | None) -> dict[str, Any]:
    frame = {"id": call, "type": "message", "role": "assistant", "model": model, "content": []}
    return {**frame, "stop_reason": None, "stop_sequence": None, "usage": usage(spent) if spent else None}


def _stop_reason(reply: Reply) -> str:
    wanted = reply.finish_reason or ("tool_use" if reply.tool_calls else "stop")
    return STOP_REASONS.get(wanted, wanted)


Deltas = list[dict[str, Any]]


def _blocks(reply: Reply, call: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], Deltas]]:
    """Each as it begins, what it has more when whole, and the deltas between."""
    if reply.thinking is not None:
        signed = {"signature": f"signed-{call}"}
        thought = {"thinking": reply.thinking, **signed}
        deltas: Deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(reply.thinking, 2)]
        deltas.append({"type": "signature_delta", **signed})
        yield {"type": "thinking", "thinking": "", "signature": ""}, thought, deltas
    if reply.text:
        told = [{"type": "text_delta", "text": piece} for piece in pieces(reply.text, reply.chunks)]
        yield {"type": "text", "text": ""}, {"text": reply.text}, told
    for index, wanted in enumerate(reply.tool_calls):
        arguments = wanted["arguments"]
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
        block = {"type": "tool_use", "id": f"toolu_{call[-6:]}_{index}", "name": wanted["name"], "input": {}}
        parts = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(raw, ARGUMENT_PIECES)]
        yield block, {"input": arguments}, parts


def _messages(turn: dict[str, Any]) -> Iterator[dict[str, Any]]:
    blocks = _content(turn)
    text = "\n".join(block["text"] for block in blocks if block["type"] == "text")
    if turn["role"] == "assistant":
        yield {"role": "assistant", "content": text, "blocks": blocks}
        return
    for block in blocks:
        if block["type"] == "tool_result":
            yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": block["content"]}
        elif block["type"] == "text":
            yield {"role": "user", "content": block["text"]}
        else:
            yield {"role": "user", "content": [block]}


def _content(turn: dict[str, Any]) -> list[dict[str, Any]]:
    content = turn["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _ids(turn: dict[str, Any], kind: str, key: str) -> list[str]:
    return sorted(block[key] for block in _content(turn) if block["type"] == kind)
