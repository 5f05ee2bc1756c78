"""The `control` queue: checks plans and adds their steps; sweeps."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from webapp.orchestration import complexity, dispatch, engine
from webapp.orchestration.compile import compile_steps, describe
from webapp.orchestration.plan import Plan, PlanInvalid, agent_steps, parse_plan, single
from webapp.orchestration.steps import ClaimedStep, Completion, NewStep, event
from workers import context
from workers.app import app
from workers.beats import Beats
from workers.context import Past, TaskContext
from workers.process import handles, offer


@app.task(name="control.steps")
def steps(*, items: list[tuple[str, int]], **_newer: Any) -> None:
    offer(items)


@app.task(name="control.probe")
def probe(*, nonce: str, **_newer: Any) -> None:
    """Readiness asks whether this queue is consumed."""
    dispatch.answer_probe(queue="control", nonce=nonce)


@app.task(name="control.sweep")
def sweep(**_newer: Any) -> None:
    """Find what is due and ring for it again. Two sweeps at once are harmless: they skip each other's tasks."""
    swept = engine.sweep(hint_s=settings.HINT_S, lease_s=settings.LEASE_S, attempts=settings.MAX_ATTEMPTS)
    dispatch.send_hints(swept.ready)
    dispatch.wake_readers(swept.moved)


@handles("control.plan")
async def plan(step: ClaimedStep, beats: Beats) -> Completion:
    """Turn the planner's text into steps. A plan that breaks the rules becomes the plan of one agent, with a warning."""
    task = await context.read(step, context.task_context)
    proposed = await context.read(step, context.parents)
    chosen, warnings = _choose(task, proposed)
    added = agent_steps(chosen)
    payload = {
        "plan": [_shown(new, task.steps, position) for position, new in enumerate(added)],
        "deps": {str(task.steps + 1 + i): [task.steps + 1 + a for a in new.after] for i, new in enumerate(added)},
        "canvas": describe(compile_steps(added)),
        "mode": task.mode,
        "complexity": task.complexity,
    }
    told = event("PROGRESS", agent="planner", message=f"Plan: {payload['canvas']}", payload=payload)
    return Completion(
        step,
        output={"subtasks": [subtask.id for subtask in chosen.subtasks]},
        grow=added,
        heir=len(added) - 1,
        events=[*warnings, told],
    )


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
