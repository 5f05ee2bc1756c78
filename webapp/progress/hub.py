"""One Redis reader per web process: hears wake-ups and token deltas and fans them out in memory.

Only speed: a reader that hears nothing looks into Postgres every few seconds anyway.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.common.wakeups import DELTA, WAKE

log = structlog.get_logger()
DELTA_LIMIT_CHARS = 64_000  # of one agent's unread text; a client slower than that gets the whole text at the end


class Listener:
    """One stream's ear: whether there is something new, and the text that came since."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._deltas: dict[str, str] = {}

    def wake(self) -> None:
        self._news.set()

    def hear(self, agent: str, delta: str) -> None:
        if len(self._deltas.get(agent, "")) < DELTA_LIMIT_CHARS:
            self._deltas[agent] = self._deltas.get(agent, "") + delta
        self._news.set()

    async def wait(self, timeout_s: float) -> dict[str, str]:
        """Until there is news or the time is over; returns the text by agent."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()
        heard, self._deltas = self._deltas, {}
        return heard


class Hub:
    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._reader = asyncio.create_task(self._read(), name="hub")

    @contextmanager
    def listen(self, task: str) -> Iterator[Listener]:
        listener = Listener()
        self._listeners[task].add(listener)
        try:
            yield listener
        finally:
            self._listeners[task].discard(listener)
            if not self._listeners[task]:
                del self._listeners[task]

    async def _read(self) -> None:
        while True:
            try:
                async with (
                    Redis.from_url(settings.REDIS_URL) as redis,
                    redis.pubsub(ignore_subscribe_messages=True) as heard,
                ):
                    await heard.subscribe(WAKE, DELTA)
                    async for message in heard.listen():
                        self._pass_on(message["channel"].decode(), json.loads(message["data"]))
            except (RedisError, OSError) as error:
                log.warning("hub.redis_away", error=type(error).__name__)
                await asyncio.sleep(1.0)

    def _pass_on(self, channel: str, body: object) -> None:
        if channel == DELTA and isinstance(body, dict):
            for listener in self._listeners.get(body["task"], ()):
                listener.hear(body["agent"], body["delta"])
        elif isinstance(body, list):
            for task in body:
                for listener in self._listeners.get(task, ()):
                    listener.wake()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this process's event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
