"""The scripted model server's HTTP side: the wire protocol, the faults, the log and the controls."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.model_server import anthropic_wire, hartley, openai_wire
from tests.support.model_server.rules import Fault, Reply, Rule

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4.1", "scripted")
BODY_LIMIT = 64 * 1024 * 1024


class Dropped(Exception):
    """The script wants the connection cut here."""


class ScriptedServer:
    def __init__(self, *, rules: list[dict[str, Any]], log_file: Path | None) -> None:
        self._initial, self._log_file = rules, log_file
        self._rules = [Rule.parse(rule) for rule in rules]
        self._log: list[dict[str, Any]] = []
        self._count = 0
        self._gate = asyncio.Event()
        self._gate.set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes(
            [
                web.get("/v1/models", self.models),
                web.post("/v1/chat/completions", self.chat),
                web.post("/v1/messages", self.messages),
                web.get("/_control/log", self.log),
                web.post("/_control/script", self.script),
                web.post("/_control/reset", self.reset),
                web.post("/_control/gate", self.shut_gate),
                web.post("/_control/release", self.open_gate),
            ]
        )
        return app

    # --- the protocol ---

    async def models(self, _request: web.Request) -> web.Response:
        data = [{"id": n, "object": "model", "created": openai_wire.CREATED, "owned_by": "tests"} for n in MODELS]
        return web.json_response({"object": "list", "data": data})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._asked(request, await request.json())

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Anthropic's protocol, streaming only, under the same script."""
        return await self._asked(request, anthropic_wire.as_chat(await request.json()))

    async def _asked(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not isinstance(body.get("messages"), list) or not body["messages"]:
            return _error(400, "messages must be a list that is not empty")
        async with self._logged(request, body) as entry:
            reply, fault = self._decided(body)
            await self._gate.wait()
            await asyncio.sleep(reply.delay_s)
            try:
                return await self._answered(request, body, reply, fault, entry)
            except Dropped:
                entry["outcome"] = "faulted"
                if request.transport:
                    request.transport.abort()
                return web.Response()  # reaches nobody

    def _decided(self, body: dict[str, Any]) -> tuple[Reply, Fault | None]:
        """A rule's reply, or, where it has none of its own, the usual one at the rule's pace."""
        messages = body["messages"]
        rule = next((rule for rule in self._rules if rule.takes(messages)), None)
        if rule and (rule.reply.text is not None or rule.reply.tool_calls):
            return rule.reply, rule.fault
        usual = hartley.answer(messages, [tool["function"]["name"] for tool in body.get("tools") or []])
        if rule is None:
            return usual, None
        paced = {**vars(rule.reply), "text": usual.text, "tool_calls": usual.tool_calls}
        return Reply(**paced), rule.fault

    async def _answered(
        self, request: web.Request, body: dict[str, Any], reply: Reply, fault: Fault | None, entry: dict[str, Any]
    ) -> web.StreamResponse:
        fault = fault or Fault()
        if fault.hang_s is not None:
            await asyncio.sleep(fault.hang_s)
            raise Dropped
        if fault.status:
            entry["outcome"] = "faulted"
            return _error(fault.status, fault.message, fault.retry_after_s)
        if fault.drop_after_chunks == 0:
            raise Dropped
        usage = openai_wire.usage_of(reply, body["messages"], body.get("tools") or [])
        entry["usage"] = usage
        if request.path == "/v1/messages":
            parts = anthropic_wire.events(reply, _call_id(entry), body.get("model", ""), usage)
            return await self._streamed(request, parts, reply, fault, entry)
        if body.get("stream"):
            wanted = (body.get("stream_options") or {}).get("include_usage")
            told = usage if wanted else None
            parts = openai_wire.chunks(reply, _call_id(entry), body.get("model", ""), told)
            return await self._streamed(request, parts, reply, fault, entry)
        if fault.malformed:
            entry["outcome"] = "faulted"
            return web.Response(text="{this is no JSON", content_type="application/json")
        entry["outcome"] = "completed"
        return web.json_response(openai_wire.completion(reply, _call_id(entry), body.get("model", ""), usage))

    async def _streamed(
        self,
        request: web.Request,
        parts: Iterator[dict[str, Any]],
        reply: Reply,
        fault: Fault,
        entry: dict[str, Any],
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        for number, chunk in enumerate(parts):
            if number == fault.drop_after_chunks:
                raise Dropped
            if number and reply.chunk_delay_s:
                await asyncio.sleep(reply.chunk_delay_s)
            name = f"event: {chunk['type']}\n".encode() if "type" in chunk else b""
            await response.write(name + b"data: " + json.dumps(chunk).encode() + b"\n\n")
            if fault.malformed:
                entry["outcome"] = "faulted"
                await response.write(name + b"data: {this is no JSON\n\n")
                return response
        if request.path != "/v1/messages":
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        entry["outcome"] = "completed"
        return response

    # --- the log and the controls ---

    @asynccontextmanager
    async def _logged(self, request: web.Request, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """One entry per request, written as it begins; one whose caller went away ends as `disconnected`."""
        self._count += 1
        entry = {
            "n": self._count,
            "started_at": time.time(),
            "finished_at": None,
            "outcome": "running",
            "model": body.get("model"),
            "stream": bool(body.get("stream")),
            "messages": body["messages"],
            "tools": [tool["function"]["name"] for tool in body.get("tools") or []],
            "max_tokens": body.get("max_tokens", body.get("max_completion_tokens")),
            "authorized": bool(request.headers.get("Authorization") or request.headers.get("X-Api-Key")),
            "usage": None,
        }
        self._log.append(entry)
        try:
            yield entry
        except (asyncio.CancelledError, ConnectionResetError):
            entry["outcome"] = "disconnected"
            raise
        finally:
            entry["finished_at"] = time.time()
            if self._log_file:
                with self._log_file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")

    async def log(self, _request: web.Request) -> web.Response:
        return web.json_response(self._log)

    async def script(self, request: web.Request) -> web.Response:
        try:
            self._rules = [Rule.parse(rule) for rule in await request.json()]
        except (TypeError, ValueError, AttributeError) as error:
            return _error(400, f"The script is not right: {error}")
        return web.json_response({"rules": len(self._rules)})

    async def reset(self, _request: web.Request) -> web.Response:
        """As it was at the start: the first script, an empty log, an open gate."""
        self._rules = [Rule.parse(rule) for rule in self._initial]
        self._log, self._count = [], 0
        self._gate.set()
        return web.json_response({})

    async def shut_gate(self, _request: web.Request) -> web.Response:
        self._gate.clear()
        return web.json_response({})

    async def open_gate(self, _request: web.Request) -> web.Response:
        self._gate.set()
        return web.json_response({})


def _call_id(entry: dict[str, Any]) -> str:
    return f"chatcmpl-{entry['n']:06d}"


def _error(status: int, message: str, retry_after_s: float | None = None) -> web.Response:
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "server_error")
    body = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"}
    return web.json_response(body, status=status, headers=headers)
