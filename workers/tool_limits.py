"""
What stands in front of each tool call: token ceiling -> rate -> calls at once -> breaker -> the call under its timeout.

The ceiling is looked at with the arguments, before policy and money; the others when the call is held for, and what they
refuse costs nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from math import ceil, inf

from django.conf import settings

from webapp.common.errors import HartleyError
from webapp.orchestration.steps import Granted
from workers.gate import CallTimeout
from workers.gateway.errors import BreakerOpen, ModelError, ModelRateLimited
from workers.gateway.resilience import Limits
from workers.gateway.tokens import about
from workers.toolbox.limits.guards import UNLIMITED_PER_MINUTE
from workers.toolbox.tool import Tool, ToolResult

WAIT_SHARE = 0.5  # of the time that a budget grants may be spent on the wait for a turn
BUSY_S = 5.0  # after which a call that found no slot is told to come again; nobody knows when one will be free

Run = Callable[[], Awaitable[ToolResult]]


class ToolRefused(HartleyError):
    """
    A limit stands in the way; nothing was sent, and the agent is told.

    Attributes:
        retry_after_s: when to try again; None: the same call will always be refused.
    """

    status = 429

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message)


class TokensExceeded(ToolRefused):
    """The arguments are longer than any tool's may be."""

    code = "token_limit_exceeded"
    status = 413

    def __init__(self, tool: str, tokens: int, limit: int) -> None:
        super().__init__(f"{tool}: the arguments have about {tokens} tokens; the limit is {limit}. Pass them in parts")


class RateExceeded(ToolRefused):
    """Its turn would not have come in time, or as many of its calls are out as may be."""

    code = "rate_limit_exceeded"

    def __init__(self, tool: str, *, why: str, wait_s: float) -> None:
        super().__init__(f"{tool}: {why}. Try again in {ceil(wait_s)} s", retry_after_s=wait_s)


class ToolBreakerOpen(ToolRefused):
    """It has failed too often and is left alone for a while."""

    code = "circuit_breaker_open"
    status = 503

    def __init__(self, tool: str, *, wait_s: float) -> None:
        why = "has failed too often and is left alone"
        super().__init__(f"{tool} {why}. Try again in {ceil(wait_s)} s, or without it", retry_after_s=wait_s)


class ToolTimeout(CallTimeout):
    """It was stopped; its outcome is unknown."""

    code = "request_timeout"
    status = 504

    @classmethod
    def of(cls, error: CallTimeout) -> ToolTimeout:
        return error if isinstance(error, cls) else cls(error.subject, error.timeout_s)


class _Outage(ModelError):
    """What the breaker counts; `came` is what the caller gets after all."""

    outage = True

    def __init__(self, came: ToolResult | ToolTimeout, code: str) -> None:
        self.came, self.code = came, code  # type: ignore[misc]
        super().__init__(code, sent=True)


def check_tokens(tool: Tool, arguments: object) -> None:
    """
    Raises:
        TokensExceeded
    """
    tokens, limit = about(json.dumps(arguments, ensure_ascii=False)), settings.TOOL_TOKENS_LIMIT
    if tokens > limit:
        raise TokensExceeded(tool.name, tokens, limit)


def seconds(tool: Tool) -> float:
    """That a call may take at most, with the wait for its turn."""
    waits = tool.rate_per_minute or tool.concurrency
    return tool.timeout_s + (settings.TOOL_TURN_S if waits else 0)


async def within_limits(limits: Limits, tool: Tool, granted: Granted, run: Run) -> ToolResult:
    """
    Args:
        limits: of the tool, for the tenant that calls it.
        run: is called when the turn has come, and stopped after the tool's `timeout_s`.
    Raises:
        RateExceeded, ToolBreakerOpen: it was not called. ToolTimeout: it was stopped. What `run` raises.
    """
    wait_s = min(settings.TOOL_TURN_S, WAIT_SHARE * (granted.seconds or inf))
    try:
        async with limits.call(wait_s=wait_s):
            return await _counted(tool, run)
    except _Outage as outage:
        if isinstance(outage.came, ToolTimeout):
            raise outage.came from None
        return outage.came
    except ModelRateLimited as refused:
        raise _no_turn(tool, refused.turn_in_s) from None
    except BreakerOpen as refused:
        raise ToolBreakerOpen(tool.name, wait_s=refused.retry_after_s or 0) from None


async def _counted(tool: Tool, run: Run) -> ToolResult:
    """
    Raises:
        _Outage: the breaker is to count it. ToolTimeout: it took long, which says nothing of the tool.
    """
    try:
        async with asyncio.timeout(tool.timeout_s) as scope:
            result = await run()
    except TimeoutError:
        if not scope.expired():
            raise
        late = ToolTimeout(tool.name, tool.timeout_s)
        if tool.remote:
            raise _Outage(late, late.code) from None
        raise late from None
    if result.error and result.error.outage:
        raise _Outage(result, result.error.code)
    return result


def _no_turn(tool: Tool, turn_in_s: float | None) -> RateExceeded:
    if turn_in_s is not None:
        return RateExceeded(tool.name, why=f"may be called {tool.rate_per_minute} times a minute", wait_s=turn_in_s)
    if tool.concurrency:
        return RateExceeded(
            tool.name, why=f"{tool.concurrency} calls at once are out, which is the limit", wait_s=BUSY_S
        )
    pace_s = 60 / (tool.rate_per_minute or UNLIMITED_PER_MINUTE)
    return RateExceeded(tool.name, why=f"may be called {tool.rate_per_minute} times a minute", wait_s=pace_s)
