"""What the policy is told of a step: who asks, and for which task."""

from __future__ import annotations

from policies import inputs
from webapp.orchestration.steps import ClaimedStep
from workers.context import TaskContext


def principal_of(step: ClaimedStep) -> inputs.Principal:
    return inputs.principal(
        tenant_id=str(step.tenant),
        user_id=str(step.user),
        role=step.principal["role"],
        scopes=step.principal["scopes"],
        permissions=step.principal["permissions"],
    )


def task_of(step: ClaimedStep, task: TaskContext) -> inputs.Task:
    return inputs.task(
        id=str(step.task),
        mode=task.mode,
        query_chars=len(task.query),
        attachments=len(task.attachments),
        complexity=task.complexity,
    )
