"""What the workers know together of breakers, providers' and tools': where it lies in Redis, and how a page reads it.

The workers write it (workers/gateway/shared.lua). It may be gone at any moment: all breakers are closed then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from redis import Redis

BREAKERS = "hartley:breakers"  # a hash: provider -> JSON, once it has failed
TOOL_BREAKERS = "hartley:tool-breakers:{whose}"  # the same by tool; whose: PLATFORM, or the tenant of its own tools
PLATFORM = "platform"
BUCKET = "hartley:bucket:{provider}:{holder}"  # seconds since 1970 until which its tokens are given away


@dataclass(frozen=True)
class BreakerState:
    """
    Attributes:
        provider: or tool.
        state: half_open while a probe is out.
        failures: in a row.
        left_s: until a probe may be sent; of a half open one, until its probe is given up.
        since: the last change of state; None when it has failed but never opened.
        error: the code of the last failure, e.g. `model.timeout`.
        probes: sent so far.
    """

    provider: str
    state: Literal["closed", "open", "half_open"]
    failures: int
    left_s: float
    since: datetime | None
    error: str
    probes: int


def tool_breaker_states(redis: Redis, whose: str) -> list[BreakerState]:
    """
    By tool, without those that never failed.

    Args:
        whose: PLATFORM, or a tenant's id for its own tools.
    Raises:
        RedisError: it is away.
    """
    found = breaker_states(redis, TOOL_BREAKERS.format(whose=whose))
    return [replace(state, provider=state.provider.rpartition("/")[2]) for state in found]


def breaker_states(redis: Redis, where: str = BREAKERS) -> list[BreakerState]:
    """
    By provider; those that never failed are not among them. One round trip.

    Raises:
        RedisError: it is away.
    """
    with redis.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.hgetall(where)
        (seconds, micros), kept = pipe.execute()
    now = seconds + micros / 1e6
    return sorted((_state(name.decode(), json.loads(raw), now) for name, raw in kept.items()), key=lambda s: s.provider)


def _state(provider: str, kept: dict[str, str | float], now: float) -> BreakerState:
    since = float(kept["generation"])
    return BreakerState(
        provider=provider,
        state=kept["state"],  # type: ignore[arg-type]
        failures=int(kept["failures"]),
        left_s=max(0.0, float(kept["till"]) - now),
        since=datetime.fromtimestamp(since, UTC) if since else None,
        error=str(kept["error"]),
        probes=int(kept["probes"]),
    )
