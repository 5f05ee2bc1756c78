"""Text as it streams: over Redis only, unnumbered, a few times a second. Losing it costs nothing, the answer is stored.

What all calls of the process have said goes out together: a message for each of ten thousand streams would cost more
than the streams.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from functools import cache
from itertools import islice

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.common.wakeups import DELTA
from webapp.orchestration.steps import ClaimedStep

log = structlog.get_logger()
EVERY_S = 0.05
TOGETHER = 1000  # pieces of one message


class Deltas:
    """Those of one event loop. What is said is sent at once, and then at most every 50 ms."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._said: dict[tuple[str, str], list[str]] = {}
        self._sending: asyncio.Task[None] | None = None

    def say(self, task: str, agent: str, text: str) -> None:
        self._said.setdefault((task, agent), []).append(text)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="deltas")

    def forget(self, task: str, agent: str) -> None:
        """Who hears the whole answer needs no more of its pieces."""
        self._said.pop((task, agent), None)

    async def _send(self) -> None:
        try:
            while self._said:
                said, self._said = self._said, {}
                pieces = ([task, agent, "".join(texts)] for (task, agent), texts in said.items())
                await self._publish(pieces)
                await asyncio.sleep(EVERY_S)
        finally:
            self._sending = None

    async def _publish(self, pieces: Iterator[list[str]]) -> None:
        try:
            while some := list(islice(pieces, TOGETHER)):
                await self._redis.publish(DELTA, json.dumps(some))
        except (TimeoutError, OSError, RedisError) as error:
            log.debug("deltas.lost", error=type(error).__name__)


@cache
def _deltas() -> Deltas:
    return Deltas(Redis.from_url(settings.REDIS_URL, max_connections=settings.REDIS_CONNECTIONS, socket_timeout=2))


class Speaker:
    """Says the pieces of one step's answer as they come."""

    def __init__(self, step: ClaimedStep) -> None:
        self._task, self._agent = str(step.task), step.agent or step.kind

    def say(self, piece: str) -> None:
        _deltas().say(self._task, self._agent, piece)

    def stop(self) -> None:
        """The answer is complete, or there is none."""
        _deltas().forget(self._task, self._agent)
