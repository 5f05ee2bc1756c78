"""Reads tasks and steps. `viewer` is whose tasks are seen: one person's, or with None the whole tenant's."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from uuid import UUID

from django.db.models import Count, F, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Left

from webapp.agent_tasks.models import Content, Step, StepState, Task, TaskState
from webapp.agent_tasks.rules import FROZEN
from webapp.common.errors import NotFound
from webapp.common.values import JSON

BRIEF_CHARS = 600


def tasks_of(tenant: UUID, user: UUID) -> QuerySet[Task]:
    """Newest first."""
    return Task.objects.filter(tenant_id=tenant, user_id=user).select_related("session").order_by("-id")


def untold_tasks(tenant: UUID, user: UUID, session: UUID | OuterRef) -> QuerySet[Task]:
    """Completed ones that their session's conversation has not yet, in the order in which they were completed."""
    ended = Task.objects.filter(
        tenant_id=tenant, user_id=user, session_id=session, in_conversation=False, state=TaskState.COMPLETED
    )
    return ended.only("id", "query", "result").order_by("finished_at", "id")


def visible_tasks(tenant: UUID, viewer: UUID | None) -> QuerySet[Task]:
    """Newest first."""
    tasks = Task.objects.filter(tenant_id=tenant).select_related("session", "user").order_by("-id")
    return tasks if viewer is None else tasks.filter(user_id=viewer)


def tasks_in_brief(tenant: UUID, viewer: UUID | None) -> QuerySet[Task]:
    """Newest first, with the beginning of the answer as `answer`: whole answers and contexts stay in the database."""
    tasks = visible_tasks(tenant, viewer).defer("context", "result", "artifacts", "principal", "quote", "quoted_as")
    return tasks.annotate(answer=Left("result", BRIEF_CHARS))


def totals_by_session(tenant: UUID, sessions: list[UUID]) -> dict[UUID, JSON]:
    """`tasks`, `tokens`, `usd` and `last_at` of each session that has a task."""
    rows = (
        Task.objects.filter(tenant_id=tenant, session_id__in=sessions)
        .values("session_id")
        .annotate(
            tasks=Count("id"),
            tokens=Coalesce(Sum(F("prompt_tokens") + F("completion_tokens")), 0),
            usd=Sum("cost_usd"),
            last_at=Max("updated_at"),
        )
    )
    return {row["session_id"]: {**row} for row in rows}


def find_task(tenant: UUID, viewer: UUID | None, name: str) -> Task:
    """
    Raises:
        NotFound: also for another's task.
    """
    try:
        task = visible_tasks(tenant, viewer).filter(id=UUID(name)).first()
    except ValueError:
        task = None
    if task is None:
        raise NotFound("task")
    return task


def descendants(tenant: UUID, viewer: UUID | None, task: UUID, limit: int = 20) -> list[Task]:
    """Forks and replays of a task, the newest first."""
    made = visible_tasks(tenant, viewer).filter(origin__task=str(task), origin__isnull=False)
    return list(made.select_related(None).only("id", "origin", "state", "created_at")[:limit])


def steps_of(tenant: UUID, task: UUID) -> list[Step]:
    return list(Step.objects.filter(tenant_id=tenant, task_id=task).order_by("n"))


def steps_without_data(tenant: UUID, task: UUID) -> list[Step]:
    """For lists and drawings: what went in and came out stays in the database."""
    return list(Step.objects.filter(tenant_id=tenant, task_id=task).defer("input", "output", "inner").order_by("n"))


@dataclass(frozen=True)
class Spending:
    """Medians of so many tasks."""

    tasks: int
    tokens: int
    usd: Decimal


def usual_spending(tenant: UUID, viewer: UUID | None, mode: str, of: int = 100) -> Spending:
    """What the last tasks of this mode took that succeeded; single model calls don't count."""
    done = visible_tasks(tenant, viewer).filter(mode=mode, state=TaskState.COMPLETED, steps__gt=1, origin__isnull=True)
    rows = list(done.values_list(F("prompt_tokens") + F("completion_tokens"), "cost_usd")[:of])
    if not rows:
        return Spending(0, 0, Decimal(0))
    tokens, usd = zip(*rows, strict=True)
    return Spending(len(rows), round(median(tokens)), median(usd))


def frozen_steps(tenant: UUID) -> dict[int, int]:
    """How many steps wait for each freeze, by its id."""
    waiting = Step.objects.filter(tenant_id=tenant, task__finished_at=None, state=StepState.WAITING)
    frozen = waiting.filter(error__code=FROZEN).values("error__freeze").annotate(steps=Count("n"))
    return {row["error__freeze"]: row["steps"] for row in frozen}


def find_step(tenant: UUID, task: UUID, n: int) -> Step:
    """
    Raises:
        NotFound
    """
    step = Step.objects.filter(tenant_id=tenant, task_id=task, n=n).first()
    if step is None:
        raise NotFound("step")
    return step


def steps_named(tenant: UUID, task: UUID, numbers: list[int]) -> list[Step]:
    return list(Step.objects.filter(tenant_id=tenant, task_id=task, n__in=numbers).order_by("n"))


def steps_before(tenant: UUID, task: UUID, step: Step) -> list[Step]:
    """What the step's agent had brought to an end before it, oldest first."""
    ended = Step.objects.filter(tenant_id=tenant, task_id=task, state__in=[StepState.DONE, StepState.FAILED])
    return list(ended.filter(agent=step.agent, n__lt=step.n).order_by("n"))


@dataclass(frozen=True)
class LastEffect:
    """
    What a cancel still had to stop.

    Attributes:
        after_s: from the request to the moment after which no step of it acted; 0 when none ran.
        still_stopping: steps whose worker has not said yet that they have stopped.
    """

    after_s: float
    still_stopping: int


def last_effect(tenant: UUID, task: Task) -> LastEffect | None:
    """None unless it was cancelled. A worker that died with a step has stopped it when its lease would have ended."""
    if task.state != TaskState.CANCELLED or task.finished_at is None:
        return None
    ran = Step.objects.filter(tenant_id=tenant, task_id=task.id, state=StepState.CANCELLED, worker__isnull=False)
    found = ran.aggregate(last=Max("stopped_at"), open=Count("n", filter=Q(stopped_at=None)))
    after = (found["last"] - task.finished_at).total_seconds() if found["last"] else 0.0
    return LastEffect(round(max(0.0, after), 3), found["open"])


def count_agents(tenant: UUID, task: UUID) -> int:
    turns = Step.objects.filter(tenant_id=tenant, task_id=task, kind="llm.turn")
    return int(turns.aggregate(agents=Count("agent", distinct=True))["agents"])


def stops_of(tenant: UUID, task: UUID) -> list[JSON]:
    """The agents that had to answer with what they had: `[{"agent": "a1", "step": 9, "limit": "turns"}]`."""
    stopped = Step.objects.filter(tenant_id=tenant, task_id=task, kind="llm.turn", output__has_key="stopped_by")
    rows = stopped.order_by("n").values_list("agent", "n", "output__stopped_by")
    return [{"agent": agent, "step": n, "limit": limit} for agent, n, limit in rows]


def find_content(tenant: UUID, sha256: str) -> Content:
    """
    Raises:
        NotFound
    """
    content = Content.objects.filter(tenant_id=tenant, sha256=sha256).first()
    if content is None:
        raise NotFound("file")
    return content


def contents(tenant: UUID, hashes: list[str]) -> dict[str, Content]:
    """Those that are there, by hash."""
    return {row.sha256: row for row in Content.objects.filter(tenant_id=tenant, sha256__in=hashes)}
