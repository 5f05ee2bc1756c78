"""What a turn does with the calls that its model asks for: answers some itself, refuses some, and passes the rest on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.agent_tasks.beliefs import Beliefs
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, event
from workers.gateway.types import ToolCall
from workers.loop_limits import Limits
from workers.offer import Offer, found_for
from workers.thinking import weigh
from workers.toolbox.registry import FIND_TOOLS, Registry


@dataclass(frozen=True)
class AskedFor:
    """
    Attributes:
        kept: what goes with the turn's output: `weighed` and `answered` are `[{"call_id", "shown"}]`, `found` are names.
        calls: for tools, which become steps.
    """

    kept: JSON
    calls: list[ToolCall]
    beliefs: Beliefs | None
    events: list[JSON]


def sort_calls(
    step: ClaimedStep,
    calls: Sequence[ToolCall],
    *,
    held: Beliefs | None,
    tools: Registry,
    offer: Offer,
    limits: Limits,
    made: int,
) -> AskedFor:
    """
    Each call gets an answer, be it a refusal: providers take no conversation in which one has none.

    Args:
        made: tool calls of the agent before.
    """
    calls, too_many = calls[: limits.calls_of_turn], calls[limits.calls_of_turn :]
    refused = [_refused(call, *_too_many(limits.calls_of_turn)) for call in too_many]
    weighed = weigh(step, held, calls)
    found, others = _find(weighed.others, tools, offer)
    forbidden = [call for call in others if offer.allowed is not None and call.name not in offer.allowed]
    refused += [_refused(call, *_forbidden(call, offer)) for call in forbidden]
    going = [call for call in others if call not in forbidden]
    left = max(0, limits.calls - made)
    refused += [_refused(call, *_used_up(limits.calls)) for call in going[left:]]
    kept = {
        "weighed": weighed.results,
        "answered": [*(answer for answer, _ in found), *refused],
        "found": list(dict.fromkeys(name for _, names in found for name in names)),
    }
    warning = [_warning(step, refused)] if refused else []
    filled = {name: value for name, value in kept.items() if value}
    return AskedFor(filled, going[:left], weighed.beliefs, [*weighed.events, *warning])


def _find(
    calls: Sequence[ToolCall], tools: Registry, offer: Offer
) -> tuple[list[tuple[JSON, list[str]]], list[ToolCall]]:
    if not offer.finds:
        return [], list(calls)
    found = []
    for call in calls:
        if call.name == FIND_TOOLS:
            shown, names = found_for(call, tools)
            found.append(({"call_id": call.id, "shown": shown}, names))
    return found, [call for call in calls if call.name != FIND_TOOLS]


def _too_many(limit: int) -> tuple[str, str]:
    return (
        "tool.too_many_calls",
        f"One turn may call {limit} tools; call this one in the next turn if you still need it",
    )


def _used_up(limit: int) -> tuple[str, str]:
    return "tool.calls_used_up", f"An agent may make {limit} tool calls in all, and this one would be one more"


def _forbidden(call: ToolCall, offer: Offer) -> tuple[str, str]:
    names = ", ".join(sorted(offer.allowed or ())) or "none"
    return "tool.not_allowed", f"This task does not allow the tool {call.name[:80]!r}; allowed are: {names}"


def _refused(call: ToolCall, code: str, message: str) -> JSON:
    return {"call_id": call.id, "shown": {"ok": False, "error": {"code": code, "message": message}}}


def _warning(step: ClaimedStep, refused: Sequence[JSON]) -> JSON:
    reasons = dict.fromkeys(each["shown"]["error"]["message"] for each in refused)
    codes = list(dict.fromkeys(each["shown"]["error"]["code"] for each in refused))
    made = "1 call was" if len(refused) == 1 else f"{len(refused)} calls were"
    message = f"{made} not made: {'; '.join(reasons)}"
    return event("WARNING", agent=step.agent, message=message, payload={"step": step.n, "codes": codes})
