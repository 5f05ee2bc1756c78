"""What is kept and told of a model's answer."""

from __future__ import annotations

from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, event
from workers.gateway.types import ModelReply
from workers.model_told import Answered

OUTPUT_LIMIT_CHARS = 10_000  # of the text in an event; the step's output has all of it


def output_of(answered: Answered, window: JSON | None = None) -> JSON:
    """`window`: what the model was told of its conversation, if that was not all of it."""
    reply = answered.reply
    return {
        **({"window": window} if window else {}),
        "text": reply.text,
        "provider": reply.provider,
        "model": reply.model,
        "finish_reason": reply.finish_reason,
        "versions": answered.versions,
        **_cached(answered),
    }


def told(step: ClaimedStep, answered: Answered) -> JSON:
    """The full text of a model's answer; the task's own answer is told under the name `final_output`."""
    reply: ModelReply = answered.reply
    final = step.is_final and not reply.tool_calls
    return event(
        "LLM_OUTPUT",
        agent="final_output" if final else step.agent or step.kind,
        message=reply.text[:OUTPUT_LIMIT_CHARS],
        payload={
            "step": step.n,
            "tokens_used": reply.usage.total_tokens,
            "input_tokens": reply.usage.prompt_tokens,
            "output_tokens": reply.usage.completion_tokens,
            "cost_usd": str(answered.cost_usd),
            "model_used": reply.model,
            "provider": reply.provider,
            "tool_calls": len(reply.tool_calls),
            **_cached(answered),
        },
    )


def _cached(answered: Answered) -> JSON:
    """Why no model was asked, where none was."""
    return {"cached": answered.cached} if answered.cached else {}
