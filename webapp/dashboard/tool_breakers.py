"""Which tools are left alone now: the tenant's own, and for those who operate the platform its tools too."""

from __future__ import annotations

from dataclasses import dataclass

from redis.exceptions import RedisError

from webapp.common.breakers import PLATFORM, BreakerState, tool_breaker_states
from webapp.orchestration import dispatch
from webapp.tenants.rules import Principal


@dataclass(frozen=True)
class Whose:
    title: str
    breakers: list[BreakerState]


def tool_breakers(who: Principal) -> list[Whose]:
    """Without those that are closed and have not failed lately; nothing while Redis is away."""
    wanted = [("Your own tools", str(who.tenant_id))]
    if "queues:read" in who.scopes:
        wanted.append(("The platform's tools", PLATFORM))
    try:
        found = [Whose(title, _failing(whose)) for title, whose in wanted]
    except RedisError:
        return []
    return [each for each in found if each.breakers]


def _failing(whose: str) -> list[BreakerState]:
    states = tool_breaker_states(dispatch.redis(), whose)
    return [state for state in states if state.state != "closed" or state.failures]
