"""Steps behind the completion API: a single model call, as the caller words it."""

from __future__ import annotations

from dataclasses import asdict

from webapp.agent_tasks.rules import AgentState
from webapp.orchestration.completions import COMPLETE, query_of
from webapp.orchestration.steps import ClaimedStep, Completion
from workers.answers import output_of
from workers.answers import told as answer_told
from workers.beats import Beats
from workers.context import alone
from workers.conversations import asked_messages, saving_of
from workers.model_call import ask_model
from workers.options import Options
from workers.process import handles
from workers.thinking import left_in


@handles(COMPLETE)
async def complete(step: ClaimedStep, beats: Beats) -> Completion:
    """The caller's tools are offered; what the model calls is part of the answer, and nothing is run."""
    asked, options = step.input, Options.of(step.input["options"])
    told = await asked_messages(step, beats, alone(step.description), options)
    query = query_of(told.messages)
    answered = await ask_model(
        step,
        beats,
        alone(query),
        purpose="complete",
        query=query,
        messages=told.messages,
        tools=asked["tools"],
        options=options,
    )
    beats.savings += saving_of(told, answered)
    return Completion(
        step,
        output={**output_of(answered, told.window), "tool_calls": [asdict(call) for call in answered.reply.tool_calls]},
        inner=left_in(AgentState.COMPLETED, before=None),
        events=[*told.events, answer_told(step, answered)],
    )
