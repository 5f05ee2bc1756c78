"""The one gate: every call to the outside passes the same stages, in this order.

validate -> policy decision -> budget hold -> call (rate limit, breaker and timeout around it) -> settle -> event.
A stage that refuses raises, and nothing after it happens. The begin or completion that follows settles and tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from policies.engine import Decision, Point, input_hash
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import Granted, HoldRequest
from workers import decide
from workers.beats import Beats
from workers.decide import PolicyDenied, Recorded

Reply = TypeVar("Reply")
SLACK_S = 5  # that a call to a model may take beyond the time that the gateway keeps to


class CallTimeout(HartleyError):
    """The call was sent and its outcome is unknown."""

    code = "call.timeout"
    kind = "timeout"
    elsewhere = True

    def __init__(self, subject: str, timeout_s: float) -> None:
        self.subject, self.timeout_s = subject, timeout_s
        super().__init__(f"{subject} took longer than {timeout_s:g} s")


@dataclass
class Call(Generic[Reply]):
    """
    One call to the outside.

    Args:
        point, subject, policy_input: what the policy decides on.
        timeout_s: less where a budget has less time left.
        send: makes the call; is given what the budgets grant.
        validate: raises when the call makes no sense.
        hold: its worst case, when it costs anything.
        announce: events to write before it.
        decided: an earlier decision; it stands for exactly the input and revision that it was made on.
    """

    point: Point
    subject: str
    policy_input: JSON
    timeout_s: float
    send: Callable[[Granted], Awaitable[Reply]]
    validate: Callable[[], None] = lambda: None
    hold: HoldRequest | None = None
    announce: list[JSON] = field(default_factory=list)
    decided: Decision | None = None


async def pass_gate(call: Call[Reply], beats: Beats) -> Reply:
    """
    Raises:
        PolicyDenied, BudgetExceeded, Frozen: nothing was sent.
        CallTimeout, and whatever `validate` and `send` raise.
    """
    call.validate()
    granted = await _begin(call, beats)
    if call.hold:
        beats.sending(call.hold.call)
    timeout_s = min(call.timeout_s, granted.seconds or call.timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            return await beats.outside(call.send, granted, call.subject)
    except TimeoutError:
        raise CallTimeout(call.subject, timeout_s) from None


async def pass_without_call(call: Call[Reply], beats: Beats) -> None:
    """
    The same stages for what is there already: its decision and its events are recorded, nothing is held and nothing sent.

    Raises:
        PolicyDenied, and whatever `validate` raises.
    """
    call.validate()
    recorded = await _decide(call, beats)
    await beats.begin(events=recorded["events"] + call.announce, decisions=recorded["decisions"])


async def allowance(point: Point, subject: str, policy_input: JSON, beats: Beats) -> Recorded | None:
    """What is to be recorded of the permission for something that needs no call; None without permission."""
    verdict = await decide.ask(beats.step.tenant, point, policy_input)
    if verdict.decision.effect != "allow":
        return None
    return decide.record(point, subject, policy_input, verdict, step=beats.step.n, agent=beats.step.agent)


async def _begin(call: Call[Reply], beats: Beats) -> Granted:
    """What is written by now isn't kept while the call runs: ten thousand of them run at once."""
    recorded = await _decide(call, beats)
    told, call.announce, call.policy_input = recorded["events"] + call.announce, [], {}
    return await beats.begin(events=told, decisions=recorded["decisions"], hold=call.hold)


async def _decide(call: Call[Reply], beats: Beats) -> Recorded:
    """What is to be recorded of the decision; nothing when it was decided and recorded before."""
    before, asked = call.decided, call.policy_input
    policy = await decide.policy_of(beats.step.tenant)
    if before and (before.revision, before.input_sha256) == (policy.revision, input_hash(asked)):
        decision, recorded = before, Recorded(decisions=[], events=[])
    else:
        verdict = await decide.verdict_of(beats.step.tenant, policy, call.point, asked)
        decision = verdict.decision
        recorded = decide.record(call.point, call.subject, asked, verdict, step=beats.step.n, agent=beats.step.agent)
    if decision.effect != "allow":
        await beats.begin(events=recorded["events"], decisions=recorded["decisions"])
        raise PolicyDenied(decision)
    return recorded
