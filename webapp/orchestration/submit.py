"""Submits a task: one transaction writes the row, its budget, its first steps and its first event; then the bell."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from webapp.agent_sessions.models import Session
from webapp.agent_sessions.services import open_session
from webapp.agent_tasks.models import Content, Priority, Step, StepState, Task, TaskState
from webapp.agent_tasks.selectors import tasks_of
from webapp.budgets.models import Envelope, Level
from webapp.budgets.services import ensure_envelopes
from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import complexity, dispatch
from webapp.orchestration.control import admit_in_scope
from webapp.orchestration.plan import first_steps
from webapp.orchestration.steps import NewStep, ReadyStep
from webapp.progress.models import Event
from webapp.tenants.models import Tenant
from webapp.tenants.rules import Principal


@dataclass(frozen=True)
class Attachment:
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Submission:
    """
    A validated request.

    Args:
        mode: None means: by complexity.
        context: with `plan`, that plan is carried out and no model plans.
        deadline_s: seconds from now; None: as settings have it.
        stored: files of an earlier task that come along, as `attachments` of its row has them.
        origin: of a fork or replay, see Task.
    """

    query: str
    session: str | None = None
    mode: str | None = None
    context: JSON = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    priority: Priority = Priority.NORMAL
    deadline_s: float | None = None
    stored: tuple[JSON, ...] = ()
    origin: JSON | None = None


def submit_task(
    *,
    principal: Principal,
    submission: Submission,
    idempotency: str | None = None,
    steps: Sequence[NewStep] | None = None,
) -> Task:
    """
    Everything is written or nothing. The hint goes out after the commit; if it is lost, the sweep sends it.

    Args:
        idempotency: names the request; submitted again, also at the same moment, it is the same task.
        steps: what it begins with; None: admission and planning.
    """
    first = first_steps("simple" if "plan" in submission.context else _mode(submission)) if steps is None else steps
    if idempotency is None:
        return _submit(principal, submission, None, first)
    try:
        return _submitted(principal, idempotency) or _submit(principal, submission, idempotency, first)
    except IntegrityError:
        earlier = _submitted(principal, idempotency)
        if earlier is None:
            raise
        return earlier


def _submitted(principal: Principal, idempotency: str) -> Task | None:
    with tenant_scope(principal.tenant_id):
        return tasks_of(principal.tenant_id, principal.user_id).filter(idempotency=idempotency).first()


def _submit(principal: Principal, submission: Submission, idempotency: str | None, first: Sequence[NewStep]) -> Task:
    with tenant_scope(principal.tenant_id):
        session = open_session(
            tenant=principal.tenant_id, user=principal.user_id, name=submission.session, title=submission.query
        )
        task = _create_task(principal, submission, session, idempotency)
        _add_steps(task, first)
        Event.objects.create(
            tenant_id=task.tenant_id,
            task=task,
            seq=1,
            type="WORKFLOW_STARTED",
            agent_id="orchestrator",
            message="Task accepted",
            payload={
                "mode": task.mode,
                "complexity": task.complexity,
                "task_context": task.context,
                **({"origin": task.origin} if task.origin else {}),
            },
        )
        ready = admit_in_scope(task.tenant_id)
        if any(step.ref.task == task.id for step in ready):
            task.state = TaskState.RUNNING
        transaction.on_commit(lambda: _announce(task.id, ready))
    return task


def _create_task(principal: Principal, submission: Submission, session: Session, idempotency: str | None) -> Task:
    stored = [*submission.stored, *(_store(principal.tenant_id, given) for given in submission.attachments)]
    task = Task.objects.create(
        tenant_id=principal.tenant_id,
        user_id=principal.user_id,
        session=session,
        query=submission.query,
        mode=_mode(submission),
        complexity=_score(submission),
        priority=submission.priority,
        deadline_at=now() + timedelta(seconds=submission.deadline_s or settings.DEADLINE_S),
        context={**submission.context, **({"attachments": stored} if stored else {})},
        attachments=stored,
        principal={
            "role": principal.role,
            "scopes": sorted(principal.scopes),
            "permissions": sorted(principal.permissions),
        },
        seq=1,
        idempotency=idempotency,
        origin=submission.origin,
    )
    task.envelopes = ensure_envelopes(tenant=task.tenant_id, wanted=_budgets(task))
    return task


def _score(submission: Submission) -> float:
    return complexity.score(submission.query, attachments=len(submission.attachments) + len(submission.stored))


def _mode(submission: Submission) -> str:
    return submission.mode or complexity.mode_of(_score(submission))


def _budgets(task: Task) -> list[Envelope]:
    """One per level: all of them must have room for whatever the task spends."""
    tenant = Tenant.objects.get(id=task.tenant_id)
    limits: list[tuple[Level, UUID, JSON]] = [
        (Level.TENANT, tenant.id, {}),
        (Level.USER, task.user_id, {}),
        (Level.SESSION, task.session_id, {"tokens_limit": tenant.session_tokens}),
        (Level.TASK, task.id, {"tokens_limit": settings.TASK_TOKENS, "usd_limit": settings.TASK_USD}),
    ]
    return [Envelope(tenant=tenant, level=level, owner_id=owner, **given) for level, owner, given in limits]


def _store(tenant: UUID, attachment: Attachment) -> JSON:
    sha256 = hashlib.sha256(attachment.data).hexdigest()
    Content.objects.get_or_create(
        tenant_id=tenant, sha256=sha256, defaults={"media_type": attachment.media_type, "data": attachment.data}
    )
    return {
        "id": sha256,
        "filename": attachment.name,
        "media_type": attachment.media_type,
        "size_bytes": len(attachment.data),
    }


def _add_steps(task: Task, steps: Sequence[NewStep]) -> None:
    """All parked: admission starts those that wait for none."""
    rows = [
        Step(
            task=task,
            n=position,
            tenant_id=task.tenant_id,
            kind=step.kind,
            queue=step.queue,
            agent=step.agent,
            description=step.description,
            input=step.input,
            parents=[after + 1 for after in step.after],
            waits=len(step.after),
            join=step.join,
            is_final=step.is_final,
            quorum=step.quorum,
            state=StepState.WAITING,
            delay_s=step.delay_s,
            timeout_s=step.timeout_s,
            tries=step.tries,
            compensation=step.compensation,
        )
        for position, step in enumerate(steps, 1)
    ]
    Step.objects.bulk_create(rows)
    task.steps = task.open = len(rows)
    task.save(update_fields=["envelopes", "steps", "open"])


def _announce(task: UUID, ready: list[ReadyStep]) -> None:
    dispatch.send_hints(ready)
    dispatch.wake_readers([task, *(step.ref.task for step in ready)])
