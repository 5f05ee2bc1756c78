"""Text as it streams: over Redis only, unnumbered, a few times a second. Losing it costs nothing, the answer is stored."""

from __future__ import annotations

import json
import time
from functools import cache

import structlog
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.common.wakeups import DELTA
from webapp.orchestration.steps import ClaimedStep
from workers.gateway.types import OnDelta

log = structlog.get_logger()
EVERY_S = 0.05


@cache
def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL, max_connections=settings.REDIS_CONNECTIONS, socket_timeout=2)


def delta_sender(step: ClaimedStep) -> OnDelta:
    """Collects the pieces of one call and publishes them together, at most every 50 ms."""
    waiting: list[str] = []
    sent_at = 0.0

    async def send(piece: str) -> None:
        nonlocal sent_at
        waiting.append(piece)
        if time.monotonic() - sent_at < EVERY_S:
            return
        sent_at = time.monotonic()
        text, waiting[:] = "".join(waiting), []
        body = {"task": str(step.task), "agent": step.agent or step.kind, "delta": text}
        try:
            await _redis().publish(DELTA, json.dumps(body))
        except (TimeoutError, RedisError) as error:
            log.debug("delta.lost", error=type(error).__name__)

    return send
