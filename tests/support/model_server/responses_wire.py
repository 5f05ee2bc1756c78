"""OpenAI's Responses wire format: a request in the rules' words, and a reply as one body or as events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.support.model_server import openai_wire
from tests.support.model_server.openai_wire import ARGUMENT_PIECES, CREATED, pieces
from tests.support.model_server.rules import Reply

PATH = "/v1/responses"
error = openai_wire.error
INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def call_id(n: int) -> str:
    return f"resp_{n:06d}"


def messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    """As rules and log have them; calls and reasoning are the `blocks` of an assistant's turn."""
    found: list[dict[str, Any]] = []
    for message in map(_message, body["input"]):
        if "blocks" in message and found and "blocks" in found[-1]:
            found[-1]["blocks"] += message["blocks"]
        else:
            found.append(message)
    return found


def tools(body: dict[str, Any]) -> list[str]:
    return [tool["name"] for tool in body.get("tools") or []]


def refusal(body: dict[str, Any]) -> str | None:
    """What the real server would refuse, of the mistakes that are easily made."""
    asked = [item["call_id"] for item in body["input"] if item.get("type") == "function_call"]
    told = [item["call_id"] for item in body["input"] if item.get("type") == "function_call_output"]
    if lonely := set(told) ^ set(asked):
        return f"a function call and its output belong together: {sorted(lonely)}"
    if any(key in body for key in ("messages", "max_tokens", "stream_options")):
        return "Unknown parameter"
    return None


def completion(reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None) -> dict[str, Any]:
    return {**_response(reply, call, body.get("model", ""), spent), "output": _items(reply, call)}


def frames(reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None) -> Iterator[bytes]:
    model = body.get("model", "")
    begun = {**_response(reply, call, model, None), "status": "in_progress"}
    yield frame({"type": "response.created", "response": begun})
    for index, item in enumerate(_items(reply, call)):
        at = {"output_index": index, "item_id": item["id"]}
        yield frame({"type": "response.output_item.added", **at, "item": _opened(item)})
        yield from (frame({**at, **delta}) for delta in _deltas(item, reply))
        yield frame({"type": "response.output_item.done", **at, "item": item})
    ended = _response(reply, call, model, spent)
    yield frame({"type": f"response.{ended['status']}", "response": {**ended, "output": _items(reply, call)}})


def frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def broken(message: str) -> bytes:
    """An error in the middle of a stream."""
    return frame({"type": "error", "code": "server_error", "message": message, "param": None})


def malformed() -> bytes:
    return b"event: response.output_text.delta\ndata: {this is no JSON\n\n"


def _message(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("type") == "function_call_output":
        return {"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]}
    return item if "role" in item else {"role": "assistant", "content": "", "blocks": [item]}


def _response(reply: Reply, call: str, model: str, spent: dict[str, Any] | None) -> dict[str, Any]:
    cut = INCOMPLETE.get(reply.finish_reason or "")
    return {
        "id": call,
        "object": "response",
        "created_at": CREATED,
        "model": model,
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": cut} if cut else None,
        "usage": _usage(spent) if spent else None,
        "output": [],
    }


def _usage(spent: dict[str, Any]) -> dict[str, Any]:
    details = {name: spent.get(name, 0) for name in ("cached_tokens", "cache_write_tokens")}
    return {
        "input_tokens": spent["prompt_tokens"],
        "input_tokens_details": details,
        "output_tokens": spent["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": spent["prompt_tokens"] + spent["completion_tokens"],
    }


def _items(reply: Reply, call: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if reply.thinking is not None:
        summary = [{"type": "summary_text", "text": reply.thinking}]
        items.append({"type": "reasoning", "summary": summary, "encrypted_content": f"sealed-{call}"})
    if reply.text:
        content = [{"type": "output_text", "text": reply.text, "annotations": []}]
        items.append({"type": "message", "role": "assistant", "status": "completed", "content": content})
    for wanted in openai_wire.tool_calls(reply, call):
        items.append({"type": "function_call", "call_id": wanted["id"], "status": "completed", **wanted["function"]})
    return [{"id": f"item_{call[-6:]}_{n}", **item} for n, item in enumerate(items)]


def _opened(item: dict[str, Any]) -> dict[str, Any]:
    empty = {"message": {"content": []}, "function_call": {"arguments": ""}, "reasoning": {"summary": []}}
    return {**item, **empty[item["type"]]}


def _deltas(item: dict[str, Any], reply: Reply) -> Iterator[dict[str, Any]]:
    if item["type"] == "message":
        for piece in pieces(reply.text or "", reply.chunks):
            yield {"type": "response.output_text.delta", "content_index": 0, "delta": piece}
    elif item["type"] == "function_call":
        for piece in pieces(item["arguments"], ARGUMENT_PIECES):
            yield {"type": "response.function_call_arguments.delta", "delta": piece}
