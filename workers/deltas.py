"""Text as it streams: over Redis only, unnumbered, a few times a second. Losing it costs nothing, the whole is stored.

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

from webapp.common.wakeups import DELTA, OUTPUT
from webapp.orchestration.steps import ClaimedStep

log = structlog.get_logger()
EVERY_S = 0.05
TOGETHER = {DELTA: 1000, OUTPUT: 10}  # pieces of one message
PIECE_CHARS = 64_000  # what is said above this in one go is left out
OUTPUT_CHARS = 1_048_576  # of one call of a tool
Who = tuple[str | int, ...]  # as it stands before the text in a message of the channel


class Deltas:
    """Those of one event loop. What is said is sent at once, and then at most every 50 ms."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._said: dict[str, dict[Who, str]] = {DELTA: {}, OUTPUT: {}}
        self._sending: asyncio.Task[None] | None = None

    def say(self, channel: str, who: Who, text: str) -> None:
        said = self._said[channel]
        said[who] = (said.get(who, "") + text)[:PIECE_CHARS]
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(), name="deltas")

    def forget(self, channel: str, who: Who) -> None:
        """Who hears the whole needs no more of its pieces."""
        self._said[channel].pop(who, None)

    async def _send(self) -> None:
        try:
            while any(self._said.values()):
                for channel, said in self._said.items():
                    self._said[channel] = {}
                    await self._publish(channel, ([*who, text] for who, text in said.items()))
                await asyncio.sleep(EVERY_S)
        finally:
            self._sending = None

    async def _publish(self, channel: str, pieces: Iterator[list[str | int]]) -> None:
        try:
            while some := list(islice(pieces, TOGETHER[channel])):
                await self._redis.publish(channel, json.dumps(some))
        except (TimeoutError, OSError, RedisError) as error:
            log.debug("deltas.lost", error=type(error).__name__)


@cache
def _deltas() -> Deltas:
    return Deltas(Redis.from_url(settings.REDIS_URL, max_connections=settings.REDIS_CONNECTIONS, socket_timeout=2))


class Speaker:
    """Says the pieces of one step's answer as they come."""

    def __init__(self, step: ClaimedStep) -> None:
        self._who = (str(step.task), step.agent or step.kind)

    def say(self, piece: str) -> None:
        _deltas().say(DELTA, self._who, piece)

    def stop(self) -> None:
        """The answer is complete, or there is none."""
        _deltas().forget(DELTA, self._who)


class Printer:
    """Says what one call of a tool prints while it runs."""

    def __init__(self, step: ClaimedStep, tool: str) -> None:
        self._call = (str(step.task), step.agent, step.n, tool)
        self._left_chars = OUTPUT_CHARS

    def say(self, stream: str, text: str) -> None:
        """
        Args:
            stream: `stdout` or `stderr`.
        """
        text = text[: self._left_chars]
        self._left_chars -= len(text)
        if text:
            _deltas().say(OUTPUT, (*self._call, stream), text)

    def stop(self) -> None:
        """The call has ended: its result has all of it."""
        for stream in ("stdout", "stderr"):
            _deltas().forget(OUTPUT, (*self._call, stream))
