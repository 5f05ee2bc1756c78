"""Readers whose connections are cut again and again, without a goodbye, while their tasks run."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest
from websockets.asyncio.client import connect

from tests.support.cast import Cast
from tests.support.farm import Farm
from tests.support.model_server import ModelServer

TASKS = 20
CUTS_EACH = 10
Seen = list[tuple[int, str]]


class Reader:
    """Follows one task, and loses its connection as often as it is told."""

    def __init__(self, farm: Farm, key: str, task: str, over: str, chance: random.Random) -> None:
        self.farm, self.key, self.task, self.over, self.chance = farm, key, task, over, chance
        self.seen: Seen = []
        self.cuts = 0

    async def lose(self, times: int) -> None:
        for _ in range(times):
            await self._follow(at_most=self.chance.randint(1, 3))
            self.cuts += 1

    async def to_the_end(self) -> None:
        while not self.seen or self.seen[-1][1] != "STREAM_END":
            await self._follow(at_most=10_000)

    @property
    def _last(self) -> int:
        return self.seen[-1][0] if self.seen else 0

    async def _follow(self, at_most: int) -> None:
        try:
            async with asyncio.timeout(0.5 if at_most < 10_000 else 30):
                await (self._socket if self.over == "websocket" else self._sse)(at_most)
        except TimeoutError:
            pass  # nothing came meanwhile; the connection is cut all the same

    async def _socket(self, at_most: int) -> None:
        address = f"ws://127.0.0.1:{self.farm.port}/api/v1/stream/ws?workflow_id={self.task}&last_event_id={self._last}"
        async with connect(address, additional_headers={"X-API-Key": self.key}) as socket:
            try:
                begun = len(self.seen)
                async for message in socket:
                    self._take(json.loads(message))
                    if len(self.seen) - begun >= at_most:
                        return
            finally:
                socket.transport.abort()

    async def _sse(self, at_most: int) -> None:
        source, sink = await asyncio.open_connection("127.0.0.1", self.farm.port)
        try:
            path = f"/api/v1/stream/sse?workflow_id={self.task}"
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {self.key}\r\nLast-Event-ID: {self._last}\r\n\r\n"
            sink.write(head.encode())
            number, name = 0, ""
            begun = len(self.seen)
            async for raw in source:
                line = raw.decode().strip()
                if line.startswith("id: "):
                    number = int(line[4:])
                elif line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: ") and number:
                    body = {} if line == "data: [DONE]" else json.loads(line[6:])
                    self._take({"seq": number, "type": "STREAM_END" if name == "done" else body.get("type", name)})
                    number = 0
                    if name == "done" or len(self.seen) - begun >= at_most:
                        return
        finally:
            sink.transport.abort()

    def _take(self, body: dict[str, Any]) -> None:
        if "seq" in body:
            self.seen.append((body["seq"], body["type"]))


@pytest.mark.parametrize("over", ["websocket", "sse"])
async def test_a_hundred_cuts_over_running_tasks_lose_nothing_and_tell_nothing_twice(
    over: str, connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    """Twice a hundred: by websocket and by SSE. Half of the cuts come while the models are still to answer."""
    key, chance = cast.owner.api_key, random.Random(20)
    with model_server.held():
        tasks = [connected.submit(key, "What is 2 + 2?", mode="simple") for _ in range(TASKS // 2)]
        readers = [Reader(connected, key, task, over, chance) for task in tasks]
        await asyncio.gather(*(reader.lose(CUTS_EACH // 2) for reader in readers))
        running = {connected.call(key, f"/api/v1/tasks/{task}")[1]["status"] for task in tasks}
        assert running == {"TASK_STATUS_RUNNING"}
    await asyncio.gather(*(reader.lose(CUTS_EACH // 2) for reader in readers))
    await asyncio.gather(*(reader.to_the_end() for reader in readers))
    for reader in readers:
        connected.finished(key, reader.task)
        history = [(event["seq"], event["type"]) for event in connected.events(key, reader.task)]
        numbers = [number for number, _ in reader.seen]
        assert numbers == list(range(1, len(history) + 1)), "no gap and no double"
        if over == "websocket":  # over SSE some types travel under other names
            assert reader.seen == history
    assert sum(reader.cuts for reader in readers) == TASKS // 2 * CUTS_EACH
