"""A scripted model server that speaks OpenAI's wire protocol: streaming, tool calls, delays and faults.

`python -m tests.support.model_server --port 9009` runs it by hand; without a script it plays a sensible model that
plans, runs Python on the attached files, and writes up. Tests steer it over HTTP and read its log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from aiohttp import web

from deploy.embedded.home import free_port
from tests.support.services import ROOT, die_with_parent

Json = dict[str, Any]
PROFILE = """import os, csv
for name in sorted(os.listdir('/data')) if os.path.isdir('/data') else []:
    rows = list(csv.reader(open('/data/' + name)))
    print(name, 'rows', len(rows) - 1, 'columns', len(rows[0]))
print('answer', 6 * 7)"""


@dataclass
class State:
    """`rules` are tried in order, the first match wins; `gate` holds every reply until it is opened."""

    rules: list[Json] = field(default_factory=list)
    log: list[Json] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)


def content_of(message: Json) -> str:
    return message.get("content") or ""


def default_reply(body: Json) -> Json:
    """What a sensible model would do at this point of a Hartley run."""
    messages = body["messages"]
    system = content_of(messages[0])
    if system.startswith("You are the planner"):
        parts = [("a1", "Profile the data"), ("a2", "Answer the question")]
        return {"text": json.dumps({"subtasks": [{"id": i, "description": d, "depends_on": []} for i, d in parts]})}
    if system.startswith("You are the editor"):
        answers = [json.loads(content_of(m)) for m in messages[2:]]
        return {"text": "Merged. " + " ".join(str(a.get("answer") or a.get("error")) for a in answers)}
    results = [content_of(m) for m in messages if m["role"] == "tool"]
    if results:
        return {"text": f"The tools returned: {results[-1]}"}
    if body.get("tools"):
        return {"tool_calls": [{"name": "python_executor", "arguments": {"code": PROFILE}}]}
    return {"text": "Nothing to do."}


def matches(rule: Json, body: Json) -> bool:
    wanted, messages = rule.get("match", {}), body["messages"]
    tests = {
        "system_contains": lambda text: text in content_of(messages[0]),
        "user_contains": lambda text: any(text in content_of(m) for m in messages if m["role"] == "user"),
        "last_role": lambda role: messages[-1]["role"] == role,
    }
    return rule.get("times", 1) > 0 and all(tests[key](value) for key, value in wanted.items())


def chosen(state: State, body: Json) -> Json:
    for rule in state.rules:
        if matches(rule, body):
            rule["times"] = rule.get("times", 10**9) - 1
            return rule
    return {}


async def complete(request: web.Request) -> web.StreamResponse:
    state: State = request.app[STATE]
    body = await request.json()
    entry: Json = {"n": len(state.log) + 1, "started_at": time.time(), "outcome": "open", **body}
    state.log.append(entry)
    try:
        return await answer(state, request, body, entry)
    except (asyncio.CancelledError, ConnectionError):
        entry["outcome"] = "disconnected"
        raise
    finally:
        entry["finished_at"] = time.time()


async def answer(state: State, request: web.Request, body: Json, entry: Json) -> web.StreamResponse:
    rule = chosen(state, body)
    fault, reply = rule.get("fault", {}), {**default_reply(body), **rule.get("reply", {})}
    if rule.get("reply", {}).get("text"):
        reply.pop("tool_calls", None)
    await state.gate.wait()
    await asyncio.sleep(reply.get("delay_s", 0) + fault.get("hang_s", 0))
    if "status" in fault:
        entry["outcome"] = "faulted"
        headers = {"Retry-After": str(fault["retry_after_s"])} if "retry_after_s" in fault else {}
        return web.json_response({"error": {"message": "scripted fault"}}, status=fault["status"], headers=headers)
    usage = usage_of(body, reply)
    if not body.get("stream"):
        entry["outcome"], entry["usage"] = "completed", usage
        return web.json_response(whole(body, reply, usage))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number, chunk in enumerate(chunks(body, reply, usage), 1):
        if number > fault.get("drop_after_chunks", 10**9):
            entry["outcome"] = "faulted"
            assert request.transport
            request.transport.close()
            return response
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await asyncio.sleep(reply.get("chunk_delay_s", 0))
    await response.write(b"data: [DONE]\n\n")
    entry["outcome"], entry["usage"] = "completed", usage
    return response


def usage_of(body: Json, reply: Json) -> Json:
    prompt = sum(len(content_of(m)) for m in body["messages"]) // 4 + 1
    written = len(reply.get("text", "") or json.dumps(reply.get("tool_calls", []))) // 4 + 1
    return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}


def tool_calls(reply: Json) -> list[Json]:
    return [
        {
            "index": position,
            "id": f"call_{time.time_ns()}_{position}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
        }
        for position, call in enumerate(reply.get("tool_calls", []))
    ]


def whole(body: Json, reply: Json, usage: Json) -> Json:
    message: Json = {"role": "assistant", "content": reply.get("text")}
    calls = tool_calls(reply)
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
        "usage": usage,
    }


def chunks(body: Json, reply: Json, usage: Json) -> Iterator[Json]:
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}

    def piece(delta: Json, finish: str | None = None) -> Json:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    for part in re.findall(r"\S+\s*", reply.get("text") or ""):
        yield piece({"content": part})
    calls = tool_calls(reply)
    for call in calls:
        text = call["function"]["arguments"]
        yield piece({"tool_calls": [{**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
        for start in range(0, len(text), 40):
            yield piece({"tool_calls": [{"index": call["index"], "function": {"arguments": text[start : start + 40]}}]})
    yield piece({}, "tool_calls" if calls else "stop")
    yield {**base, "choices": [], "usage": usage}


async def control(request: web.Request) -> web.Response:
    state: State = request.app[STATE]
    match request.match_info["what"]:
        case "script":
            state.rules = await request.json()
        case "gate":
            state.gate.clear()
        case "release":
            state.gate.set()
        case "reset":
            state.rules, state.log = [], []
            state.gate.set()
        case "log":
            return web.json_response(state.log)
    return web.json_response({})


async def models(request: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model"}]})


STATE = web.AppKey("state", State)


def make_app() -> web.Application:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app[STATE] = State()
    app[STATE].gate.set()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", models)
    app.router.add_route("*", "/_control/{what}", control)
    return app


class ModelServer:
    """The server in a process of its own, and its controls."""

    def __init__(self) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        command = [sys.executable, "-m", "tests.support.model_server", "--port", str(self.port)]
        self._process = subprocess.Popen(command, cwd=ROOT, preexec_fn=die_with_parent, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                urlopen(self.base_url + "/models", timeout=2).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the model server does not start"
                time.sleep(0.05)

    def script(self, rules: list[Json]) -> None:
        self._control("script", rules)

    def log(self) -> list[Json]:
        found: list[Json] = self._control("log")
        return found

    def reset(self) -> None:
        self._control("reset")

    def gate(self) -> None:
        self._control("gate")

    def release(self) -> None:
        self._control("release")

    @contextmanager
    def held(self) -> Iterator[None]:
        """No reply leaves while inside."""
        self.gate()
        try:
            yield
        finally:
            self.release()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)

    def _control(self, what: str, body: Any = None) -> Any:
        url = f"http://127.0.0.1:{self.port}/_control/{what}"
        with urlopen(Request(url, data=json.dumps(body).encode()), timeout=10) as answer:
            return json.load(answer)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=9009, help="port on 127.0.0.1 (default: 9009)")
    port = parser.parse_args().port
    print(f"OPENAI_BASE_URL=http://127.0.0.1:{port}/v1", flush=True)
    web.run_app(make_app(), host="127.0.0.1", port=port, print=None, handler_cancellation=True)


if __name__ == "__main__":
    main()
