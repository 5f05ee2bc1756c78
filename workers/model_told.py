"""What is recorded of a model's answer, whether it was asked now or before."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal

from policies import inputs
from webapp.agent_sessions.messages import pieces
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, event
from workers.context import TaskContext
from workers.gateway.types import ModelChoice, ModelReply, ModelRequest
from workers.policy_inputs import principal_of, task_of

PROMPT_LIMIT_CHARS = 5000  # of the prompt shown in an event


@dataclass(frozen=True)
class Answered:
    """
    Attributes:
        versions: what the answer was asked with: `{"prompt_sha256", "input_usd", "output_usd"}`, USD per token.
        cached: why no model was asked, see budgets.models.Cause; "" when one was.
        degraded: a lesser model was asked than the caller would have had.
    """

    reply: ModelReply
    cost_usd: Decimal
    versions: JSON
    cached: str = ""
    degraded: bool = False


def subject(choice: ModelChoice) -> str:
    return f"{choice.provider}/{choice.model}"


def versions(choice: ModelChoice, request: ModelRequest) -> JSON:
    """Kept with the step, so that a replay can tell whether today's code would have asked the same."""
    told = json.dumps([request.messages, request.offered], sort_keys=True)
    return {
        "prompt_sha256": hashlib.sha256(told.encode()).hexdigest(),
        "input_usd": format(choice.price.input_usd, "f"),
        "output_usd": format(choice.price.output_usd, "f"),
    }


def policy_input(
    step: ClaimedStep, task: TaskContext, choice: ModelChoice, *, max_tokens: int, worst_usd: Decimal
) -> JSON:
    return dict(
        inputs.model_call(
            principal=principal_of(step),
            task=task_of(step, task),
            provider=choice.provider,
            model=choice.model,
            tier=choice.tier,
            max_tokens=max_tokens,
            worst_usd=float(worst_usd),
        )
    )


def prompt_told(step: ClaimedStep, choice: ModelChoice, request: ModelRequest) -> list[JSON]:
    agent = step.agent or step.kind
    if request.purpose == "summarise":
        payload = {"provider": choice.provider, "model": choice.model, "step": step.n}
        return [event("DATA_PROCESSING", agent=agent, message=request.query, payload=payload)]
    shown = "\n".join(pieces(request.messages[-1]))[:PROMPT_LIMIT_CHARS]
    prompt = event(
        "LLM_PROMPT",
        agent=agent,
        message=shown,
        payload={"provider": choice.provider, "model": choice.model, "step": step.n},
    )
    if step.fence > 1 or step.input.get("turn", 1) != 1:
        return [prompt]
    return [event("AGENT_STARTED", agent=agent, message=step.description[:200], payload={"step": step.n}), prompt]
