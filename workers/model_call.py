"""One model call of a step, through the gate: choose, hold the worst case, stream, settle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.conf import settings

from policies import inputs
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, HoldRequest, Settlement, event
from workers.beats import Beats
from workers.context import TaskContext
from workers.deltas import delta_sender
from workers.gate import Call, pass_gate
from workers.gateway.errors import ModelError
from workers.gateway.routing import choose
from workers.gateway.tokens import prompt_upper_bound
from workers.gateway.types import Message, ModelChoice, ModelReply, ModelRequest, Purpose, ToolSpec, Usage
from workers.policy_inputs import principal_of, task_of
from workers.services import services

PROMPT_LIMIT_CHARS = 5000  # of the prompt shown in an event
TIERS = {"simple": "small", "standard": "small", "complex": "medium", "supervisor": "medium"}


@dataclass(frozen=True)
class Answered:
    """`versions` says what the answer was asked with: `{"prompt_sha256", "input_usd", "output_usd"}`, USD per token."""

    reply: ModelReply
    cost_usd: Decimal
    settlement: Settlement
    versions: JSON


async def ask_model(
    step: ClaimedStep,
    beats: Beats,
    task: TaskContext,
    *,
    purpose: Purpose,
    query: str,
    messages: Sequence[Message],
    tools: Sequence[ToolSpec] = (),
    may_call: bool = True,
) -> Answered:
    """
    Raises:
        PolicyDenied, BudgetExceeded: nothing was sent.
        ModelError: its `sent` tells whether the hold settles at its worst case or is released.
    """
    choice = _choose(task)
    request = ModelRequest(
        purpose=purpose,
        provider=choice.provider,
        model=choice.model,
        messages=messages,
        query=query,
        files=task.files,
        tools=tools,
        may_call=may_call,
        timeout_s=settings.MODEL_TIMEOUT_S,
        on_delta=delta_sender(step),
    )
    hold = _hold(choice, request)

    async def send(granted: int) -> ModelReply:
        try:
            return await services().gateway.complete(_with_limit(request, granted))
        except ModelError as error:
            beats.settlement = Settlement(sent=error.sent, usage=_usage(choice, error.usage) if error.usage else None)
            raise

    call = Call(
        point="model_call",
        subject=f"{choice.provider}/{choice.model}",
        policy_input=_policy_input(step, task, choice, hold),
        timeout_s=settings.MODEL_TIMEOUT_S + 5,
        hold=hold,
        announce=_announce(step, choice, messages),
        send=send,
    )
    reply = await pass_gate(call, beats)
    settlement = Settlement(sent=True, usage=_usage(choice, reply.usage))
    return Answered(reply, choice.price.cost_usd(reply.usage), settlement, _versions(choice, request))


def _versions(choice: ModelChoice, request: ModelRequest) -> JSON:
    """Kept with the step, so that a replay can tell whether today's code would have asked the same."""
    told = json.dumps([request.messages, request.offered], sort_keys=True)
    return {
        "prompt_sha256": hashlib.sha256(told.encode()).hexdigest(),
        "input_usd": format(choice.price.input_usd, "f"),
        "output_usd": format(choice.price.output_usd, "f"),
    }


def _usage(choice: ModelChoice, usage: Usage) -> JSON:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "usd": str(choice.price.cost_usd(usage)),
    }


def _choose(task: TaskContext) -> ModelChoice:
    """The first of the tier's models; a tier or model that the caller names goes before the mode's."""
    tier = str(task.context.get("model_tier") or TIERS[task.mode])
    override, provider = (task.context.get(name) for name in ("model_override", "provider_override"))
    return choose(
        services().catalogue,
        tier,
        override=override if isinstance(override, str) else None,
        provider=provider if isinstance(provider, str) else None,
    )[0]


def _hold(choice: ModelChoice, request: ModelRequest) -> HoldRequest:
    return HoldRequest(
        purpose=request.purpose,
        provider=choice.provider,
        model=choice.model,
        prompt_tokens=prompt_upper_bound(request.messages, request.tools),
        max_tokens=min(settings.COMPLETION_TOKENS, choice.max_output_tokens),
        least_tokens=settings.COMPLETION_TOKENS_LEAST,
        input_usd=choice.price.input_usd,
        output_usd=choice.price.output_usd,
    )


def _with_limit(request: ModelRequest, granted: int) -> ModelRequest:
    return replace(request, max_tokens=granted)


def _policy_input(step: ClaimedStep, task: TaskContext, choice: ModelChoice, hold: HoldRequest) -> JSON:
    worst = hold.prompt_tokens * hold.input_usd + hold.max_tokens * hold.output_usd
    return dict(
        inputs.model_call(
            principal=principal_of(step),
            task=task_of(step, task),
            provider=choice.provider,
            model=choice.model,
            tier=choice.tier,
            max_tokens=hold.max_tokens,
            worst_usd=float(worst),
        )
    )


def _announce(step: ClaimedStep, choice: ModelChoice, messages: Sequence[Message]) -> list[JSON]:
    agent = step.agent or step.kind
    shown = str(messages[-1]["content"])[:PROMPT_LIMIT_CHARS]
    prompt = event(
        "LLM_PROMPT",
        agent=agent,
        message=shown,
        payload={"provider": choice.provider, "model": choice.model, "step": step.n},
    )
    if step.fence > 1 or step.input.get("turn", 1) != 1:
        return [prompt]
    return [event("AGENT_STARTED", agent=agent, message=step.description[:200], payload={"step": step.n}), prompt]
