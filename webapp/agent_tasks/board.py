"""Reads what operators look at first: what runs, what it waits for, what fails. A handful of queries, whatever the load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce

from webapp.agent_tasks.models import Step, StepState, Task, TaskState
from webapp.agent_tasks.rules import Waiting, why_not_moving
from webapp.agent_tasks.selectors import visible_tasks

SHOWN = 50  # tasks per list; the task page has the rest
HELD_SHOWN = 100
OPEN = (TaskState.QUEUED, TaskState.RUNNING, TaskState.PAUSED)
DAY = timedelta(days=1)


@dataclass
class Running:
    """A task on its way: how many of its steps have ended, what runs now, and what the others wait for."""

    task: Task
    ended: int = 0
    active: list[Step] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


@dataclass(frozen=True)
class Day:
    """Figures of the last 24 hours; `running`, `queued` and `paused` are now."""

    running: int
    queued: int
    paused: int
    completed: int
    failed: int
    cancelled: int
    tokens: int
    usd: Decimal


def running_tasks(tenant: UUID, viewer: UUID | None, now: datetime, served: Collection[str]) -> list[Running]:
    """The newest first, each with its open steps."""
    tasks = list(visible_tasks(tenant, viewer).filter(state__in=[TaskState.RUNNING, TaskState.PAUSED])[:SHOWN])
    found = {task.id: Running(task, ended=task.steps - task.open) for task in tasks}
    for step in _open_steps(tenant, list(found)):
        entry = found[step.task_id]
        if step.state == StepState.RUNNING:
            entry.active.append(step)
        else:
            entry.waiting.append(why_not_moving(step, now, served))
    return list(found.values())


def failing_tasks(tenant: UUID, viewer: UUID | None, now: datetime) -> list[Task]:
    ended = Q(state__in=[TaskState.FAILED, TaskState.TIMEOUT], finished_at__gte=now - DAY)
    return list(visible_tasks(tenant, viewer).filter(ended).order_by("-finished_at")[:10])


def day(tenant: UUID, viewer: UUID | None, now: datetime) -> Day:
    recent = Q(created_at__gte=now - DAY)
    counts = {
        state.value: Count("id", filter=Q(state=state) if state in OPEN else recent & Q(state=state))
        for state in TaskState
    }
    row = (
        visible_tasks(tenant, viewer)
        .order_by()
        .aggregate(
            **counts,
            tokens=Coalesce(Sum(F("prompt_tokens") + F("completion_tokens"), filter=recent), 0),
            usd=Coalesce(Sum("cost_usd", filter=recent), Decimal(0)),
        )
    )
    return Day(
        running=row["running"],
        queued=row["queued"],
        paused=row["paused"],
        completed=row["completed"],
        failed=row["failed"] + row["timeout"],
        cancelled=row["cancelled"],
        tokens=row["tokens"],
        usd=row["usd"],
    )


def _open_steps(tenant: UUID, tasks: list[UUID]) -> list[Step]:
    wanted = [StepState.RUNNING, StepState.READY, StepState.WAITING]
    steps = Step.objects.filter(tenant_id=tenant, task_id__in=tasks, state__in=wanted).defer("input", "output", "inner")
    return list(steps.order_by("task_id", "n"))


def steps_by_queue(tenant: UUID) -> dict[str, dict[str, int]]:
    """Open steps of the tenant by queue and state."""
    rows = (
        Step.objects.filter(tenant_id=tenant, due__isnull=False, state__in=[StepState.RUNNING, StepState.READY])
        .values("queue", "state")
        .annotate(steps=Count("n"))
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row["queue"]][row["state"]] = row["steps"]
    return dict(found)


def held_steps(tenant: UUID, viewer: UUID | None) -> list[Step]:
    """What workers hold now, the longest first."""
    steps = Step.objects.filter(tenant_id=tenant, due__isnull=False, state=StepState.RUNNING).select_related("task")
    steps = steps if viewer is None else steps.filter(task__user_id=viewer)
    heavy = ("input", "output", "task__context", "task__result", "task__artifacts")
    return list(steps.defer(*heavy).order_by("started_at")[:HELD_SHOWN])
