"""Is there a result of an equal tool call already, or is one under way? Only for tools that say how long it may serve.

An earlier result costs nothing: nothing is held and nothing sent. It passes validation and the policy's decision as a call
does, and both are recorded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from webapp.orchestration.steps import Saving
from webapp.tenants.models import AnswerCaching
from workers.answer_cache.shelf import Place
from workers.answer_cache.wishes import wishes_of
from workers.beats import Beats
from workers.gate import Call, pass_without_call
from workers.services import services
from workers.toolbox.kept_result import KeptResult, may_keep, result_key
from workers.toolbox.tool import Tool, ToolResult

WAIT_SHARE = 0.5  # of a call's time may be spent on the wait for another's


@dataclass(frozen=True)
class Wanted:
    """
    Args:
        files: attached to the task.
        call: what passes the gate when there is no result.
        allowed: the task takes and leaves results that others share.
    """

    tool: Tool
    arguments: object
    files: Mapping[str, bytes]
    call: Call[ToolResult]
    allowed: bool = True


async def result_once(wanted: Wanted, beats: Beats, ask: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
    """
    Raises:
        PolicyDenied: nothing is served. What `validate` of the call and `ask` raise.
    """
    if beats.replays or not wanted.allowed or not may_keep(wanted.tool):
        return await ask()
    wanted.call.validate()
    tenant = beats.step.tenant
    if (await wishes_of(tenant)).mode == AnswerCaching.OFF:
        return await ask()
    place = Place(tenant, result_key(tenant, wanted.tool, wanted.arguments, wanted.files))
    kept = services().tool_results
    if found := await kept.find(place, _now()):
        return await _served(wanted, beats, found.cached, "exact")
    async with kept.flights.join(place, wait_s=WAIT_SHARE * wanted.tool.timeout_s) as flight:
        if flight.brought:
            return await _served(wanted, beats, flight.brought, "single_flight")
        result = await ask()
        fresh = KeptResult.of(wanted.tool, result, _now())
        flight.landed(fresh)
        if fresh:
            await kept.keep(place, fresh, _now())
        return result


async def _served(wanted: Wanted, beats: Beats, kept: KeptResult, cause: str) -> ToolResult:
    await pass_without_call(wanted.call, beats)
    if wanted.tool.price_usd:
        saved = Saving(cause, provider="", model=wanted.tool.name, tokens=0, usd=wanted.tool.price_usd)
        beats.savings.append(saved)
    return kept.result(cause)


def _now() -> datetime:
    return datetime.now(UTC)
