"""OpenAI's wire format: a request in the rules' words, and a reply as one body or as the chunks of a stream."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.model_server.rules import Reply

PATH = "/v1/chat/completions"
CREATED = 1_700_000_000
WORDS = re.compile(r"(?:\S+\s*){1,4}|\s+")
ARGUMENT_PIECES = 3


def call_id(n: int) -> str:
    return f"chatcmpl-{n:06d}"


def messages(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["messages"]
    return found


def tools(body: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools") or []]


def refusal(_body: dict[str, Any]) -> str | None:
    """Compatible servers differ in what they accept."""
    return None


def error(status: int, message: str) -> dict[str, Any]:
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def frames(reply: Reply, call: str, body: dict[str, Any], spent: dict[str, Any] | None) -> Iterator[bytes]:
    wanted = (body.get("stream_options") or {}).get("include_usage")
    for chunk in chunks(reply, call, body.get("model", ""), spent if wanted else None):
        yield frame(chunk)
    yield b"data: [DONE]\n\n"


def frame(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def broken(message: str) -> bytes:
    """An error in the middle of a stream."""
    return frame(error(500, message))


def malformed() -> bytes:
    return b"data: {this is no JSON\n\n"


def completion(reply: Reply, call: str, body: dict[str, Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    calls = [{"id": c["id"], "type": "function", "function": c["function"]} for c in tool_calls(reply, call)]
    message = {"role": "assistant", "content": reply.text, **({"tool_calls": calls} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason(reply)}
    whole = {
        "id": call,
        "object": "chat.completion",
        "created": CREATED,
        "model": body.get("model", ""),
        "choices": [choice],
    }
    return {**whole, **({"usage": usage} if usage else {})}


def chunks(reply: Reply, call: str, model: str, usage: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """The role, the text in pieces, the tool calls' pieces in turns, the reason of the end, the usage."""
    frame = {"id": call, "object": "chat.completion.chunk", "created": CREATED, "model": model}
    deltas: Iterator[dict[str, Any]] = itertools.chain(
        [{"role": "assistant", "content": ""}],
        ({"content": piece} for piece in pieces(reply.text or "", reply.chunks)),
        ({"tool_calls": [piece]} for piece in _call_pieces(reply, call)),
    )
    for delta in deltas:
        yield {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason(reply)}]}
    if usage:
        yield {**frame, "choices": [], "usage": usage}


def tool_calls(reply: Reply, call: str) -> list[dict[str, Any]]:
    found = []
    for index, wanted in enumerate(reply.tool_calls):
        arguments = wanted["arguments"]
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": wanted["name"], "arguments": raw}
        found.append({"index": index, "id": f"call_{call[-6:]}_{index}", "type": "function", "function": function})
    return found


def finish_reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def pieces(text: str, number: int | None) -> list[str]:
    if not number:
        return WORDS.findall(text)
    size = max(1, -(-len(text) // number))
    return [text[i : i + size] for i in range(0, len(text), size)]


def _call_pieces(reply: Reply, call: str) -> Iterator[dict[str, Any]]:
    """Parallel calls come mixed, as a strict reader must expect."""
    calls = tool_calls(reply, call)
    for wanted in calls:
        yield {**wanted, "function": {**wanted["function"], "arguments": ""}}
    cut = [pieces(c["function"]["arguments"], ARGUMENT_PIECES) for c in calls]
    for row in itertools.zip_longest(*cut, fillvalue=""):
        for index, piece in enumerate(row):
            if piece:
                yield {"index": index, "function": {"arguments": piece}}
