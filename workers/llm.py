"""The `llm` queue: planning, agents' turns and the writing of the answer, each one model call."""

from __future__ import annotations

from dataclasses import asdict, replace

from django.conf import settings

from webapp.agent_tasks.rules import AgentState
from webapp.common.values import JSON
from webapp.orchestration import complexity
from webapp.orchestration.steps import ClaimedStep, Completion, event
from workers import completions, context, embeddings, prompts  # noqa: F401  (steps of this queue)
from workers.answers import output_of, told
from workers.asked_for import sort_calls
from workers.beats import Beats
from workers.context import Past
from workers.conversations import Told, earlier_messages, saving_of
from workers.gateway.degradation import enough
from workers.loop import Loop, loop_of
from workers.loop_limits import calls_made
from workers.model_call import ask_model
from workers.model_told import Answered
from workers.process import handles
from workers.routes import planned_mode
from workers.tenant_tools import tools_of
from workers.thinking import SPEC, beliefs_held, left_in, state_after
from workers.turns import TooManySteps, next_steps


@handles("llm.plan")
async def plan(step: ClaimedStep, beats: Beats) -> Completion:
    task = await context.read(step, context.task_context)
    mode, events = planned_mode(step, task)
    limit = complexity.AGENTS[mode]
    earlier = await earlier_messages(step, beats, task)
    messages = prompts.plan_messages(task, limit=limit, earlier=earlier.messages)
    answered = await ask_model(step, beats, task, purpose="plan", query=task.query, messages=messages, subtasks=limit)
    beats.savings += saving_of(earlier, answered)
    return Completion(
        step,
        output=output_of(answered, earlier.window),
        inner=left_in(AgentState.ANALYZING, before=None),
        events=[*events, *earlier.events, told(step, answered)],
    )


@handles("llm.turn")
async def turn(step: ClaimedStep, beats: Beats) -> Completion:
    """One turn of an agent: it answers, or asks for tools and has another turn when they are through."""
    task = await context.read(step, context.task_context)
    history = await context.read(step, context.agent_history)
    needs = step.input["needs"]
    needed = await context.read(step, lambda s: context.answers_of(s, needs)) if needs else []
    given = step.input.get("beliefs")
    held = beliefs_held(given, history)
    earlier = await earlier_messages(step, beats, task)
    messages = prompts.turn_messages(
        task,
        role=step.input["role"],
        description=step.description,
        needed=needed,
        history=history,
        beliefs=given,
        earlier=earlier.messages,
    )
    tools = await tools_of(step.tenant)
    loop = loop_of(step, task, history, tools, messages)
    answered = await ask_model(
        step,
        beats,
        task,
        purpose="turn",
        query=step.description,
        messages=loop.messages,
        tools=[*loop.offer.specs, *([] if held is None else [SPEC])],
        may_call=loop.stop is None,
    )
    beats.savings += saving_of(earlier, answered)
    before = state_after(past for past in history if past.kind == step.kind)
    if loop.stop:  # what it asks for all the same is not heard
        answered = replace(answered, reply=replace(answered.reply, tool_calls=()))
    if not answered.reply.tool_calls:
        inner = left_in(AgentState.COMPLETED, before=before, beliefs=held)
        return _answer(step, answered, made=_made(history), inner=inner, earlier=earlier, loop=loop)
    calls = list(answered.reply.tool_calls)
    asked = sort_calls(
        step, calls, held=held, tools=tools, offer=loop.offer, limits=loop.limits, made=calls_made(loop.rounds)
    )
    grow = next_steps(step, asked.calls, tools)
    if task.steps + len(grow) > settings.STEPS_LIMIT:
        raise TooManySteps(limit=settings.STEPS_LIMIT)
    return Completion(
        step,
        output={
            **output_of(answered, earlier.window),
            "tool_calls": [asdict(call) for call in calls],
            "blocks": [dict(block) for block in answered.reply.blocks],
            **asked.kept,
        },
        inner=left_in(AgentState.EXECUTING, before=before, beliefs=asked.beliefs),
        grow=grow,
        heir=len(grow) - 1,
        events=[*earlier.events, told(step, answered), *asked.events],
    )


@handles("llm.synthesise")
async def synthesise(step: ClaimedStep, beats: Beats) -> Completion:
    """Merge what the agents found. A failed agent is a note in the answer; with too few left there is no answer."""
    task = await context.read(step, context.task_context)
    results = await context.read(step, context.parents)
    succeeded = sum(result.state == "done" for result in results)
    if not enough("dag" if "plan" in task.context else task.mode, succeeded, len(results)):
        code = "task.too_few_agents_succeeded" if succeeded else "task.no_agent_succeeded"
        return Completion(step, status="failed", error={"code": code, "message": _failures(results, succeeded)})
    messages = prompts.synthesis_messages(task, results)
    answered = await ask_model(step, beats, task, purpose="synthesise", query=task.query, messages=messages)
    made = [made for result in results for made in (result.output or {}).get("made", [])]
    return _answer(step, answered, made=made, inner=left_in(AgentState.COMPLETED, before=None))


def _answer(
    step: ClaimedStep,
    answered: Answered,
    *,
    made: list[JSON],
    inner: JSON,
    earlier: Told | None = None,
    loop: Loop | None = None,
) -> Completion:
    stopped = {"stopped_by": loop.stop.limit} if loop and loop.stop else {}
    done = event("AGENT_COMPLETED", agent=step.agent, message=step.description[:200], payload=stopped or None)
    warned = loop.told(step) if loop else []
    return Completion(
        step,
        output={**output_of(answered, earlier.window if earlier else None), "made": made, **stopped},
        inner=inner,
        events=[*(earlier.events if earlier else ()), *warned, told(step, answered), done],
    )


def _made(history: list[Past]) -> list[JSON]:
    """The files that this agent's tools made, without what only the platform needs to know."""
    artifacts = [a for past in history for a in (past.output or {}).get("artifacts", [])]
    return [{"name": a["filename"], "media_type": a["media_type"], "size_bytes": a["size_bytes"]} for a in artifacts]


def _failures(results: list[Past], succeeded: int) -> str:
    failed = [result for result in results if result.state != "done"]
    whole = f"Only {succeeded} of {len(results)} agents" if succeeded else "No agent"
    return f"{whole} succeeded: " + "; ".join(f"{r.agent}: {(r.error or {}).get('message', 'unknown')}" for r in failed)
