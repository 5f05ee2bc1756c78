"""Calls that a budget refused: nothing was sent, and the step failed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Left

from webapp.agent_tasks.models import Step, StepState, Task, TaskState

CODE = "budget.exceeded"


def refused_calls(tenant: UUID, since: datetime, limit: int = 10) -> list[Step]:
    """Steps that a budget has stopped, the newest first, with the beginning of the question as `asked`: those of tasks
    that are open, or have failed since. A task that got by without such a step is none to look at."""
    failed = Q(state__in=[TaskState.FAILED, TaskState.TIMEOUT], finished_at__gte=since)
    tasks = Task.objects.filter(failed | Q(finished_at=None), tenant_id=tenant)
    steps = Step.objects.filter(task__in=tasks, tenant_id=tenant, state=StepState.FAILED, error__code=CODE)
    light = steps.only("task_id", "n", "kind", "agent", "error", "finished_at").annotate(asked=Left("task__query", 80))
    return list(light.order_by("-finished_at")[:limit])
