"""Finds the limits of a tool for a tenant: the same token bucket and breaker as providers of models have.

The bucket and the slots are the tenant's. The breaker of a platform's tool is one for all tenants; that of a tenant's own
tool is the tenant's.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from webapp.common.breakers import PLATFORM, TOOL_BREAKERS
from workers.gateway.desk import Kept
from workers.gateway.entries import BreakerLimits
from workers.gateway.line import Line
from workers.gateway.resilience import Limits, LocalGuards
from workers.gateway.shared import SharedGuards
from workers.toolbox.limits.slots import SCRIPT, SlotsOf
from workers.toolbox.tool import Tool

NAMES_KEPT = 5000  # tools of all tenants that a process remembers the limits of; those used last
UNLIMITED_PER_MINUTE = 1_000_000
KEPT_S = 86_400  # a breaker's state after its last change


@dataclass(frozen=True)
class ToolLimits:
    """See Limited; no `connections`: not limited."""

    requests_per_minute: int
    connections: int
    breaker: BreakerLimits
    local: bool


class ToolGuards:
    """Made in the loop that uses it."""

    def __init__(self, redis_url: str, *, connections: int, breaker: BreakerLimits) -> None:
        self._breaker = breaker
        self._slots = SlotsOf(Line.to(redis_url, connections=connections, script=SCRIPT))
        line = Line.to(redis_url, connections=connections)
        self._shared = SharedGuards(line, local=LocalGuards(self._slots), kept=_kept)
        self._used: OrderedDict[str, None] = OrderedDict()

    def of(self, tool: Tool, tenant: UUID) -> Limits:
        name = _name(tool, tenant)
        self._used[name] = None
        self._used.move_to_end(name)
        if len(self._used) > NAMES_KEPT:
            self._shared.forget(self._used.popitem(last=False)[0])
        return self._shared(name, limits_of(tool, self._breaker), str(tenant))

    async def close(self) -> None:
        await self._shared.close()
        await self._slots.close()


def limits_of(tool: Tool, breaker: BreakerLimits) -> ToolLimits:
    """A tool that only computes here, as often as it likes, has nothing to share with other processes."""
    limited = tool.rate_per_minute or tool.concurrency
    return ToolLimits(
        requests_per_minute=tool.rate_per_minute or UNLIMITED_PER_MINUTE,
        connections=tool.concurrency,
        breaker=breaker,
        local=not (limited or tool.remote or tool.is_own or tool.effect == "acts"),
    )


def _name(tool: Tool, tenant: UUID) -> str:
    """A slash is in no tool's name, so no two come to the same."""
    return f"{tenant if tool.is_own else PLATFORM}/{tool.name}"


def _kept(name: str) -> Kept:
    return Kept(TOOL_BREAKERS.format(whose=name.partition("/")[0]), KEPT_S)
