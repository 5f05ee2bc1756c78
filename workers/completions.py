"""Steps behind the completion API: a single model call, as the caller words it."""

from __future__ import annotations

from dataclasses import asdict

from webapp.agent_tasks.rules import AgentState
from webapp.orchestration.completions import COMPLETE, query_of
from webapp.orchestration.steps import ClaimedStep, Completion
from workers.answers import output_of, told
from workers.beats import Beats
from workers.context import alone
from workers.model_call import ask_model
from workers.options import Options
from workers.process import handles
from workers.thinking import left_in


@handles(COMPLETE)
async def complete(step: ClaimedStep, beats: Beats) -> Completion:
    """The caller's tools are offered; what the model calls is part of the answer, and nothing is run."""
    asked = step.input
    query = query_of(asked["messages"])
    answered = await ask_model(
        step,
        beats,
        alone(query),
        purpose="complete",
        query=query,
        messages=asked["messages"],
        tools=asked["tools"],
        options=Options.of(asked["options"]),
    )
    return Completion(
        step,
        output={**output_of(answered), "tool_calls": [asdict(call) for call in answered.reply.tool_calls]},
        inner=left_in(AgentState.COMPLETED, before=None),
        events=[told(step, answered)],
    )
