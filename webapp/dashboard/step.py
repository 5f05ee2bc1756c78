"""One step: why it does not move, what went in and came out, what its agent believed, its attempts, costs and policy."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Step, StepState, Task
from webapp.agent_tasks.presence import queues_served
from webapp.agent_tasks.rules import why_not_moving
from webapp.budgets.models import Hold
from webapp.budgets.selectors import holds_of
from webapp.common.values import JSON
from webapp.dashboard.conversation import Said, conversation, conversation_of
from webapp.dashboard.pages import page, shown
from webapp.dashboard.timeline import Mark, Run, runs_of
from webapp.dashboard.travel import may_fork
from webapp.decisions.selectors import decisions_of
from webapp.orchestration.completions import COMPLETE, said_in
from webapp.progress.models import Event
from webapp.progress.selectors import events_of
from webapp.tenants.rules import Principal

SHOWN_CHARS = 40_000  # of a step's input or output
TOLD = ("STEP_STARTED", "STEP_RETRYING", "STEP_FROZEN", "LLM_PROMPT")


@dataclass(frozen=True)
class Attempt:
    """`holds` are of the models that it asked; `reason` tells why another attempt followed."""

    run: Run
    holds: Sequence[Hold]
    reason: str

    @property
    def took_s(self) -> float:
        return (self.run.ended - self.run.began).total_seconds()


@page(scope="workflows:read")
def step(request: HttpRequest, who: Principal, name: UUID, n: int) -> HttpResponse:
    task = selectors.find_task(who.tenant_id, who.watches, str(name))
    row = selectors.find_step(who.tenant_id, task.id, n)
    told = list(events_of(who.tenant_id, task.id).filter(type__in=TOLD, payload__step=n))
    output = row.output if isinstance(row.output, dict) else {}
    asked = _asked(row)
    context = {
        "task": task,
        "step": row,
        "open": row.stays or row.state == StepState.RUNNING,
        "why": why_not_moving(row, timezone.now(), queues_served(settings.WORKER_SEEN_S)) if row.stays else None,
        "may_fork": not task.is_open and may_fork(task, row),
        "agent_state": row.inner["state"] if row.inner else None,
        "beliefs": row.inner["beliefs"] if row.inner else None,
        "attempts": _attempts(row, told, holds_of(who.tenant_id, task.id, n)),
        "decisions": decisions_of(who.tenant_id, task.id, n),
        "text": pretty(output.get("text") or (output.get("shown") or {}).get("stdout") or ""),
        "written": _long_arguments(row),
        "said": _said(task, row, told, asked),
        "own_prompt": task.context.get("system_prompt") if row.queue == "llm" else None,
        "input": pretty(asked),
        "output": pretty(row.output),
    }
    return shown(request, "task/step_page.html", context, fragment="task/step.html")


def _asked(row: Step) -> Any:
    """Its input, with the messages of a conversation in place of its key."""
    if row.kind != COMPLETE or "conversation" not in row.input:
        return row.input
    rest = {name: value for name, value in row.input.items() if name != "conversation"}
    return {"messages": said_in(row.tenant_id, row.input), **rest}


def pretty(data: Any) -> JSON:
    """As text, with how much of it there is; long data is cut for the page."""
    whole = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False) if data else ""
    return {"text": whole[:SHOWN_CHARS], "chars": len(whole), "cut": len(whole) > SHOWN_CHARS}


def _attempts(row: Step, told: Sequence[Event], holds: Sequence[Hold]) -> list[Attempt]:
    of_attempts = [(event, event.payload["attempt"]) for event in told if event.payload and "attempt" in event.payload]
    marks = [Mark(e.type, row.n, attempt, e.created_at) for e, attempt in of_attempts if e.type.startswith("STEP_")]
    reasons = {attempt: e.message for e, attempt in reversed(of_attempts) if e.type in ("STEP_RETRYING", "STEP_FROZEN")}
    calls = defaultdict(list)
    for hold in holds:
        calls[hold.fence].append(hold)
    runs = runs_of(row, marks, timezone.now())
    return [Attempt(run, calls[run.attempt], reasons.get(run.attempt, "")) for run in runs]


def _long_arguments(row: Step) -> list[tuple[str, JSON]]:
    """Arguments of several lines, such as a program, which JSON would put on one."""
    arguments = row.input.get("arguments") if isinstance(row.input, dict) else None
    lines = arguments.items() if isinstance(arguments, dict) else ()
    return [(name, pretty(text)) for name, text in lines if isinstance(text, str) and "\n" in text]


def _said(task: Task, row: Step, told: Sequence[Event], given: Any) -> list[Said]:
    """Empty until the step has asked a model; `given` is its whole input."""
    if row.kind == COMPLETE:
        return conversation_of(given["messages"])
    prompts = [event for event in told if event.type == "LLM_PROMPT"]
    if not prompts:
        return []
    asked, past = prompts[0].message, list[Step]()
    if row.kind == "llm.synthesise":
        past = selectors.steps_named(task.tenant_id, task.id, row.parents)
    elif row.kind == "llm.turn":
        past = selectors.steps_before(task.tenant_id, task.id, row)
    if row.kind == "llm.turn" and past:
        first = events_of(task.tenant_id, task.id).filter(type="LLM_PROMPT", agent_id=row.agent).first()
        asked = first.message if first else asked
    return conversation(row, query=task.query, asked=asked, past=past)
