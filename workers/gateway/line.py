"""The line to Redis for limits that all workers share: a short wait for each answer, then a while without it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from workers.cancelling import obeyed

log = structlog.get_logger()
SCRIPT = Path(__file__).with_name("shared.lua").read_text(encoding="utf-8")
ANSWER_S = 1.0  # a busy event loop is late by some of this
AWAY_S = 1.0  # how long each process goes by its own limits before it asks again


class Line:
    """Made in the event loop that uses it."""

    def __init__(self, redis: Redis, script: str = SCRIPT) -> None:
        self._redis, self._script = redis, redis.register_script(script)
        self._away_until = 0.0
        self._lost = False

    @classmethod
    def to(cls, url: str, *, connections: int, script: str = SCRIPT) -> Line:
        """Nothing is tried twice: a batch whose answer got lost may have been counted."""
        once = Retry(NoBackoff(), 0)
        waits: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S, "retry": once}
        return cls(Redis.from_url(url, max_connections=connections, **waits), script)

    @property
    def away(self) -> bool:
        return monotonic() < self._away_until

    async def tell(self, keys: Sequence[str], provider: str, batch: dict[str, Any]) -> dict[str, Any] | None:
        """The script's answer; None when Redis gave none in time."""
        try:
            with obeyed():
                answer: dict[str, Any] = json.loads(await self._script(keys, [provider, json.dumps(batch)]))
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = monotonic() + AWAY_S
            self._change(lost=True, error=type(error).__name__)
            return None
        self._change(lost=False)
        return answer

    async def close(self) -> None:
        await self._redis.aclose()

    def _change(self, *, lost: bool, **fields: str) -> None:
        if lost != self._lost:
            self._lost = lost
            log.warning("limits.local" if lost else "limits.shared", **fields)
