"""The scripted model server's HTTP side: the wire protocols, the faults, the log and the controls."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.model_server import anthropic_wire, embeddings_wire, hartley, openai_wire, responses_wire
from tests.support.model_server.exchange import Exchange, Wire
from tests.support.model_server.oracle import Oracle
from tests.support.model_server.prompt_cache import Kept, Read, Way, automatic, marked
from tests.support.model_server.rules import Fault, Reply, Rule

MODELS = ("gpt-4o-mini", "gpt-4o", "gpt-4.1", "scripted")
BODY_LIMIT = 64 * 1024 * 1024
WAYS: dict[str, Way] = {openai_wire.PATH: automatic, anthropic_wire.PATH: marked}


class Dropped(Exception):
    """The script wants the connection cut here."""


class ScriptedServer:
    def __init__(self, *, rules: list[dict[str, Any]], log_file: Path | None) -> None:
        self._initial, self._log_file = rules, log_file
        self._rules = [Rule.parse(rule) for rule in rules]
        self._log: list[dict[str, Any]] = []
        self._count = 0
        self._oracle, self._kept = Oracle([], ()), Kept()
        self._gate = asyncio.Event()
        self._gate.set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_LIMIT)
        app.add_routes(
            [
                web.get("/v1/models", self.models),
                web.post(openai_wire.PATH, self.openai),
                web.post(anthropic_wire.PATH, self.anthropic),
                web.post(responses_wire.PATH, self.responses),
                web.post(embeddings_wire.PATH, self.embeddings),
                web.get("/_control/log", self.log),
                web.get("/_control/count", self.count),
                web.post("/_control/script", self.script),
                web.post("/_control/teach", self.teach),
                web.post("/_control/forget", self.forget),
                web.post("/_control/reset", self.reset),
                web.post("/_control/gate", self.shut_gate),
                web.post("/_control/release", self.open_gate),
            ]
        )
        return app

    # --- the protocols ---

    async def models(self, _request: web.Request) -> web.Response:
        data = [{"id": n, "object": "model", "created": openai_wire.CREATED, "owned_by": "tests"} for n in MODELS]
        return web.json_response({"object": "list", "data": data})

    async def openai(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(openai_wire, request)

    async def anthropic(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(anthropic_wire, request)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(responses_wire, request)

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(embeddings_wire, request)

    async def _answer(self, wire: Wire, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        told = body.get("messages", body.get("input"))
        if not isinstance(told, list) or not told:
            return web.json_response(wire.error(400, "messages must be a list that is not empty"), status=400)
        self._count += 1
        exchange = Exchange(wire, request, body, self._count)
        async with self._logged(exchange):
            if refused := wire.refusal(body):
                exchange.entry["outcome"] = "faulted"
                return exchange.error(400, refused)
            reply, fault = self._decided(exchange)
            read = self._read(exchange, reply)
            await self._gate.wait()
            await asyncio.sleep(reply.delay_s)
            try:
                return await self._answered(exchange, reply, fault or Fault(), read)
            except Dropped:
                exchange.entry["outcome"] = "faulted"
                if request.transport:
                    request.transport.abort()
                return web.Response()  # reaches nobody

    def _decided(self, exchange: Exchange) -> tuple[Reply, Fault | None]:
        """A rule's reply, or, where it has none of its own, the usual one at the rule's pace."""
        rule = next((rule for rule in self._rules if rule.takes(exchange.messages)), None)
        if rule and (rule.reply.text is not None or rule.reply.tool_calls):
            return rule.reply, rule.fault
        if rule and rule.reply.taught:
            text = self._oracle.answer(exchange.messages, exchange.body.get("model", ""))
            return replace(rule.reply, text=text), rule.fault
        usual = hartley.answer(exchange.messages, exchange.tools)
        if rule is None:
            return usual, None
        paced = {**vars(rule.reply), "text": usual.text, "tool_calls": usual.tool_calls}
        return Reply(**paced), rule.fault

    def _read(self, exchange: Exchange, reply: Reply) -> Read | None:
        """As it comes in: of two at once neither finds what the other leaves."""
        way = WAYS.get(exchange.wire.PATH) if reply.usage == "cached" else None
        return way(self._kept, exchange.key(), exchange.body) if way else None

    async def _answered(self, exchange: Exchange, reply: Reply, fault: Fault, read: Read | None) -> web.StreamResponse:
        if fault.hang_s is not None:
            await asyncio.sleep(fault.hang_s)
            raise Dropped
        if fault.redirect:
            return web.Response(status=307, headers={"Location": exchange.request.path})
        if fault.status:
            exchange.entry["outcome"] = "faulted"
            return exchange.error(fault.status, fault.message, fault.retry_after_s)
        if fault.drop_after_chunks == 0:
            raise Dropped
        exchange.bill(reply, read)
        if read:
            self._kept.keep(read)
        if exchange.body.get("stream"):
            return await self._streamed(exchange, reply, fault)
        if fault.malformed:
            exchange.entry["outcome"] = "faulted"
            return web.Response(text="{this is no JSON", content_type="application/json")
        exchange.entry["outcome"] = "completed"
        return web.json_response(exchange.whole(reply))

    async def _streamed(self, exchange: Exchange, reply: Reply, fault: Fault) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(exchange.request)
        last = fault.break_after_chunks if fault.break_after_chunks is not None else 1 if fault.malformed else None
        for number, frame in enumerate(exchange.frames(reply)):
            if number == fault.drop_after_chunks:
                raise Dropped
            if number == last:
                exchange.entry["outcome"] = "faulted"
                wire = exchange.wire
                await response.write(wire.malformed() if fault.malformed else wire.broken(fault.message))
                return response
            if number and reply.chunk_delay_s:
                await asyncio.sleep(reply.chunk_delay_s)
            await response.write(frame)
        await response.write_eof()
        exchange.entry["outcome"] = "completed"
        return response

    # --- the log and the controls ---

    @asynccontextmanager
    async def _logged(self, exchange: Exchange) -> AsyncIterator[None]:
        """One entry per request, written as it begins; one whose caller went away ends as `disconnected`."""
        entry = exchange.entry
        self._log.append(entry)
        try:
            yield
        except (asyncio.CancelledError, ConnectionResetError):
            entry["outcome"] = "disconnected"
            raise
        finally:
            entry["finished_at"] = time.time()
            if self._log_file:
                with self._log_file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")

    async def count(self, _request: web.Request) -> web.Response:
        return web.json_response({"total": len(self._log), **Counter(entry["outcome"] for entry in self._log)})

    async def log(self, _request: web.Request) -> web.Response:
        return web.json_response(self._log)

    async def script(self, request: web.Request) -> web.Response:
        try:
            self._rules = [Rule.parse(rule) for rule in await request.json()]
        except (TypeError, ValueError, AttributeError) as error:
            return web.json_response({"error": f"The script is not right: {error}"}, status=400)
        return web.json_response({"rules": len(self._rules)})

    async def teach(self, request: web.Request) -> web.Response:
        self._oracle = Oracle.parse(await request.json())
        return web.json_response({})

    async def forget(self, _request: web.Request) -> web.Response:
        self._kept.forget()
        return web.json_response({})

    async def reset(self, _request: web.Request) -> web.Response:
        """As it was at the start: the first script, an empty log, an open gate, nothing taught and nothing kept."""
        self._rules = [Rule.parse(rule) for rule in self._initial]
        self._oracle = Oracle([], ())
        self._kept.forget()
        self._log, self._count = [], 0
        self._gate.set()
        return web.json_response({})

    async def shut_gate(self, _request: web.Request) -> web.Response:
        self._gate.clear()
        return web.json_response({})

    async def open_gate(self, _request: web.Request) -> web.Response:
        self._gate.set()
        return web.json_response({})
