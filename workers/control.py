"""The `control` queue: checks plans and adds their steps; sweeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from webapp.agent_tasks.rules import AgentState
from webapp.common.values import JSON
from webapp.memory.services import forget_expired
from webapp.orchestration import complexity, dispatch, engine
from webapp.orchestration.compile import compile_steps, describe
from webapp.orchestration.control import admit_waiting
from webapp.orchestration.fork import fork_steps
from webapp.orchestration.manual import read_plan
from webapp.orchestration.plan import Plan, PlanInvalid, agent_steps, parse_plan, single
from webapp.orchestration.steps import ClaimedStep, Completion, NewStep, event
from webapp.orchestration.tool_choice import tools_named, with_tools
from workers import context
from workers.app import app
from workers.beats import Beats
from workers.context import Past, TaskContext
from workers.process import handles, this
from workers.replay import replay_run
from workers.tenant_tools import tools_of
from workers.thinking import left_in, state_after
from workers.turns import TooManySteps

log = structlog.get_logger()
PLAN_SHOWN_CHARS = 2000
WARNINGS_SHOWN = 20
JSON_BYTES_PER_CHAR = 8  # six at most, and the rest of the output


@app.task(name="control.sweep")
def sweep(**_newer: Any) -> None:
    """
    The sweep of the whole: deadlines, abandoned holds, queued tasks, steps that no worker of their queue has found, and
    answers and sign-ins whose time is over.

    Two at once are harmless: they skip each other's tasks.
    """
    late_s = 2 * settings.SWEEP_S
    steps = engine.sweep(queues=dispatch.QUEUES, late_s=late_s, hint_s=settings.HINT_S, attempts=settings.MAX_ATTEMPTS)
    tasks = engine.sweep_tasks(lease_s=settings.LEASE_S)
    for refused in [*steps.refused, *tasks.refused]:
        log.error("sweep.refused", **refused)
    admitted = admit_waiting(tasks.waiting)
    dispatch.send_hints([*steps.ready, *admitted])
    dispatch.wake_readers((steps.moved | tasks.moved | {step.ref.task for step in admitted}) - tasks.ended)
    dispatch.tell_ended(tasks.ended)
    forget_expired()
    SessionStore.clear_expired()


@handles("control.wait")
async def wait(step: ClaimedStep, beats: Beats) -> Completion:
    """The waiting is over when it is claimed: it lies in the row."""
    return Completion(step, output={"text": ""})


@handles("control.collect")
async def collect(step: ClaimedStep, beats: Beats) -> Completion:
    """The answer of a plan without an agent at its end: what its last steps brought, as text."""
    results = await context.read(step, context.parents)
    share = settings.OUTPUT_LIMIT_BYTES // (JSON_BYTES_PER_CHAR * max(1, len(results)))
    return Completion(step, output={"text": "\n\n".join(_shortened(_result(past), share) for past in results)})


def _shortened(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[:chars]} … ({len(text)} characters)"


def _result(past: Past) -> str:
    if past.state != "done":
        return f"**{past.agent}** failed: {(past.error or {}).get('message', 'did not finish')}"
    output = past.output or {}
    shown = output.get("shown") or {}
    found = output.get("text") or shown.get("stdout") or shown.get("value") or (json.dumps(shown) if shown else "done")
    return f"**{past.agent}**: {found}"


@handles("control.plan")
async def plan(step: ClaimedStep, beats: Beats) -> Completion:
    """
    Turn a plan into steps: the caller's own, or the planner's text. A planner's plan that breaks the rules becomes the
    plan of one agent, with a warning.
    """
    task = await context.read(step, context.task_context)
    proposed = [] if "plan" in task.context else await context.read(step, context.parents)
    if "plan" in task.context:
        warnings: list[dict[str, Any]] = []
        added = read_plan(task.context["plan"], limit=settings.STEPS_LIMIT - task.steps - 1)
    else:
        chosen, warnings = _choose(task, proposed)
        added = agent_steps(chosen)
    await _check_tools(step, tools_named(added, task.context))
    added = with_tools(added, task.context)
    if task.steps + len(added) > settings.STEPS_LIMIT:
        raise TooManySteps(limit=settings.STEPS_LIMIT)
    payload = {
        "plan": [_shown(new, task.steps, position) for position, new in enumerate(added)],
        "deps": {str(task.steps + 1 + i): [task.steps + 1 + a for a in new.after] for i, new in enumerate(added)},
        "canvas": describe(compile_steps(added)),
        "mode": task.mode,
        "complexity": task.complexity,
    }
    told = event("PROGRESS", agent="planner", message=f"Plan: {payload['canvas']}"[:PLAN_SHOWN_CHARS], payload=payload)
    return Completion(
        step,
        inner=left_in(AgentState.PLANNING, before=state_after(proposed)),
        output={"subtasks": list(dict.fromkeys(new.agent for new in added if new.kind != "llm.synthesise"))},
        grow=added,
        heir=len(added) - 1,
        events=[*warnings, told],
    )


@handles("control.fork")
async def fork(step: ClaimedStep, beats: Beats) -> Completion:
    """Take over the past of an earlier run as it is recorded, and let the rest run."""
    asked = step.input
    run = replace(step, task=UUID(asked["task"]))
    past = await context.read(run, context.recorded_steps)
    added, answer = fork_steps(
        past, asked["step"], first=step.n + 1, description=asked["description"], arguments=asked["arguments"]
    )
    served = sum(new.record is not None for new in added)
    told = event(
        "PROGRESS",
        agent="planner",
        message=f"{served} of {len(added)} steps are served from the earlier run; the others run anew",
        payload={"forked_from": asked["task"], "step": asked["step"], "served": served, "anew": len(added) - served},
    )
    return Completion(step, output={"served": served}, grow=added, heir=answer, events=[told])


@handles("control.replay")
async def replay(step: ClaimedStep, beats: Beats) -> Completion:
    """Do the decisions of an earlier run again, and tell each difference. Nothing is called, nothing is paid."""
    run = replace(step, task=UUID(step.input["task"]))
    task, past = await context.read(run, context.recorded_task), await context.read(run, context.recorded_steps)
    decided = await context.read(run, context.recorded_decisions)
    report = await replay_run(task, past, decided, this.handlers)
    warnings = [event("WARNING", agent="replay", message=line) for line in report.lines()[:WARNINGS_SHOWN]]
    return Completion(step, output={"text": report.as_text(), "replay": report.to_json()}, events=warnings)


async def _check_tools(step: ClaimedStep, named: Sequence[tuple[str, JSON | None]]) -> None:
    """
    Raises:
        ToolUnknown, ArgumentsInvalid: what the task names for its agents can't be had, so none begins.
    """
    for name, arguments in named:
        tools = await tools_of(step.tenant, name)
        tools.get(name)
        if arguments is not None:
            tools.validate(name, arguments)


def _choose(task: TaskContext, proposed: list[Past]) -> tuple[Plan, list[dict[str, Any]]]:
    if task.mode == "simple":
        return single(task.query), []
    try:
        return parse_plan((proposed[0].output or {})["text"], limit=complexity.AGENTS[task.mode]), []
    except PlanInvalid as error:
        message = f"The planner's plan was not usable ({error}); one agent takes the question"
        return single(task.query), [event("WARNING", agent="planner", message=message)]


def _shown(new: NewStep, steps: int, position: int) -> dict[str, Any]:
    return {
        "n": steps + 1 + position,
        "kind": new.kind,
        "queue": new.queue,
        "agent": new.agent,
        "parents": [steps + 1 + after for after in new.after],
        "description": new.description,
    }
