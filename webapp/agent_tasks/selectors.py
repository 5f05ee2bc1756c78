"""Reads tasks and steps. `viewer` is whose tasks are seen: one person's, or with None the whole tenant's."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, QuerySet

from webapp.agent_tasks.models import Content, Step, Task
from webapp.common.errors import NotFound


def tasks_of(tenant: UUID, user: UUID) -> QuerySet[Task]:
    """Newest first."""
    return Task.objects.filter(tenant_id=tenant, user_id=user).select_related("session").order_by("-id")


def visible_tasks(tenant: UUID, viewer: UUID | None) -> QuerySet[Task]:
    """Newest first."""
    tasks = Task.objects.filter(tenant_id=tenant).select_related("session", "user").order_by("-id")
    return tasks if viewer is None else tasks.filter(user_id=viewer)


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


def steps_of(tenant: UUID, task: UUID) -> list[Step]:
    return list(Step.objects.filter(tenant_id=tenant, task_id=task).order_by("n"))


def steps_without_data(tenant: UUID, task: UUID) -> list[Step]:
    """For lists and drawings: what went in and came out stays in the database."""
    return list(Step.objects.filter(tenant_id=tenant, task_id=task).defer("input", "output").order_by("n"))


def find_step(tenant: UUID, task: UUID, n: int) -> Step:
    """
    Raises:
        NotFound
    """
    step = Step.objects.filter(tenant_id=tenant, task_id=task, n=n).first()
    if step is None:
        raise NotFound("step")
    return step


def count_agents(tenant: UUID, task: UUID) -> int:
    turns = Step.objects.filter(tenant_id=tenant, task_id=task, kind="llm.turn")
    return int(turns.aggregate(agents=Count("agent", distinct=True))["agents"])


def find_content(tenant: UUID, sha256: str) -> Content:
    """
    Raises:
        NotFound
    """
    content = Content.objects.filter(tenant_id=tenant, sha256=sha256).first()
    if content is None:
        raise NotFound("file")
    return content
