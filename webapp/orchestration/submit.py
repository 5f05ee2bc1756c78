"""Submits a task: one transaction writes the row, its budget, its first steps and its first event; then the bell."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from webapp.agent_sessions.models import Session
from webapp.agent_tasks.models import Content, Priority, Task, TaskState
from webapp.agent_tasks.selectors import tasks_of
from webapp.common.tenancy import one_statement, tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import bell, complexity
from webapp.orchestration.control import ready_steps
from webapp.orchestration.engine import wire
from webapp.orchestration.plan import first_steps
from webapp.orchestration.quotes import quote_task
from webapp.orchestration.quoting import Quote, why_over
from webapp.orchestration.session_history import said_before
from webapp.orchestration.steps import NewStep, ReadyStep
from webapp.orchestration.tool_choice import calls_named
from webapp.prompts.rules import check_parameters, parameters_of
from webapp.prompts.selectors import pins, texts_of
from webapp.tenants.rules import Principal

CALL_SCOPE = "agents:execute"  # of who says what a tool is called with
CEILING, TOKENS_CEILING = "max_cost_usd", "budget_max"  # in the context: what the task may cost at most


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
        context: with `plan`, that plan is carried out and no model plans; with `max_cost_usd` it can't cost more, and waits
            for a person when its quote is above that; with `budget_max` it can't take more tokens.
        deadline_s: seconds from now; None: as settings have it.
        stored: files of an earlier task that come along, as `attachments` of its row has them.
        origin: of a fork or replay, see Task.
        limits: of the task's own budget, by unit: no higher than the platform's.
        agent_tokens: that one of its agents may spend; None: as settings have it.
        prompts: versions of the tenant's own templates, by name; None: those in force.
        conversation: what it builds on; None: what has been said in its session so far.
        alone: it takes no part in its session's conversation.
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
    limits: JSON = field(default_factory=dict)
    agent_tokens: int | None = None
    prompts: JSON | None = None
    conversation: str | None = None
    alone: bool = False


def submit_task(
    *,
    principal: Principal,
    submission: Submission,
    idempotency: str | None = None,
    steps: Sequence[NewStep] | None = None,
    base: JSON | None = None,
) -> Task:
    """
    The task is written with all that it has, or not at all. The hint goes out after the commit; if it is lost, the sweep sends it.

    Args:
        idempotency: names the request; submitted again, also at the same moment, it is the same task.
        steps: what it begins with; None: admission and planning.
        base: of such steps, what their shape makes expect, from which later quotes learn; without steps a quote is made.
    Raises:
        Invalid: it gives parameters that no prompt template in force uses.
        ScopeMissing: it names calls of tools, and the credential may make none.
    """
    if submission.origin is None and calls_named(submission.context):  # a fork has been looked at as a fork
        principal.require(CALL_SCOPE, why="the task names calls of tools")
    _check_parameters(principal.tenant_id, submission)
    first = first_steps("simple" if "plan" in submission.context else _mode(submission)) if steps is None else steps

    def submit() -> Task:
        quoted = quote_of(principal.tenant_id, submission) if steps is None else None
        told = quoted.to_json() if quoted else {"base": base} if base else None
        return _submit(principal, submission, idempotency, first, told, why_waiting(submission, quoted))

    if idempotency is None:
        return submit()
    try:
        return submitted(principal, idempotency) or submit()
    except IntegrityError:
        earlier = submitted(principal, idempotency)
        if earlier is None:
            raise
        return earlier


def _check_parameters(tenant: UUID, submission: Submission) -> None:
    """A fork brings its run's along, whether its prompts use them or not."""
    given, own = parameters_of(submission.context), str(submission.context.get("system_prompt") or "")
    if given and submission.origin is None:
        with tenant_scope(tenant):
            check_parameters(given, list(texts_of(tenant, pins(tenant)).values()), own)


def submitted(principal: Principal, idempotency: str) -> Task | None:
    """The person's task of this request, if it was made before, however it ended."""
    with tenant_scope(principal.tenant_id):
        return tasks_of(principal.tenant_id, principal.user_id).filter(idempotency=idempotency).first()


def quote_of(tenant: UUID, submission: Submission) -> Quote:
    """What it is expected to take; nothing is written."""
    files = len(submission.attachments) + len(submission.stored)
    return quote_task(tenant, query=submission.query, mode=_mode(submission), context=submission.context, files=files)


def why_waiting(submission: Submission, quoted: Quote | None) -> str | None:
    """Why it will wait for a person although it could start; None when it will not."""
    ceiling_usd = _number(submission.context, CEILING)
    return why_over(quoted, ceiling_usd) if ceiling_usd else None


def _submit(
    principal: Principal,
    submission: Submission,
    idempotency: str | None,
    first: Sequence[NewStep],
    quoted: JSON | None,
    waits: str | None,
) -> Task:
    stored = [*submission.stored, *_stored(principal.tenant_id, submission.attachments)]
    context = {**submission.context, **({"attachments": stored} if stored else {})}
    mode, complexity_ = _mode(submission), _score(submission)
    told = {"mode": mode, "complexity": complexity_, "task_context": context}
    asked = {
        "tenant": principal.tenant_id,
        "user": principal.user_id,
        "session": _as_id(submission.session),
        "session_name": submission.session or None,
        "title": submission.query[:60],
        "query": submission.query,
        "mode": mode,
        "complexity": complexity_,
        "priority": submission.priority,
        "context": context,
        "attachments": stored,
        "principal": _rights(principal),
        "deadline_s": submission.deadline_s or settings.DEADLINE_S,
        "idempotency": idempotency,
        "origin": submission.origin,
        "limits": _limits(submission),
        "agent_tokens": min(settings.AGENT_TOKENS, submission.agent_tokens or settings.AGENT_TOKENS),
        "prompts": submission.prompts,
        "conversation": _conversation(principal, submission),
        "in_conversation": None if submission.alone else False,
        "quote": quoted,
        "waits": waits,
        "steps": [step.to_json() for step in first],
        "told": {**told, **({"origin": submission.origin} if submission.origin else {})},
    }
    limits = (settings.TASKS_PER_TENANT, settings.TASKS_PER_USER, settings.HINT_S)
    answer = one_statement(principal.tenant_id, "SELECT engine_submit(%s::jsonb, %s, %s, %s)", [wire(asked), *limits])
    assert answer is not None, "a function's call has a row"
    made = json.loads(answer[0])
    id_, ready = UUID(made["id"]), ready_steps(made["ready"])
    transaction.on_commit(lambda: bell.ring([id_], ready))
    return Task(
        id=id_,
        tenant_id=principal.tenant_id,
        user_id=principal.user_id,
        session=Session(id=UUID(made["session"]), external_id=made["session_name"]),
        query=submission.query,
        mode=mode,
        complexity=complexity_,
        priority=submission.priority,
        context=context,
        attachments=stored,
        origin=submission.origin,
        prompts=made["prompts"],
        quote=quoted,
        paused_by="budget" if waits else "",
        pause_reason=waits or "",
        seq=3 if waits else 1,
        steps=len(first),
        open=len(first),
        created_at=datetime.fromisoformat(made["created_at"]),
        state=_state(id_, ready, waits),
    )


def _conversation(principal: Principal, submission: Submission) -> str:
    if submission.conversation is not None or submission.alone or not submission.session:
        return submission.conversation or ""
    return said_before(principal, submission.session)


def _state(task: UUID, ready: Sequence[ReadyStep], waits: str | None) -> TaskState:
    if waits:
        return TaskState.PAUSED
    return TaskState.RUNNING if any(step.ref.task == task for step in ready) else TaskState.QUEUED


def _limits(submission: Submission) -> JSON:
    """Of the task's own budget: the least of what the platform allows, and what its caller says in one way or another."""
    most: dict[str, Decimal] = {"tokens": Decimal(settings.TASK_TOKENS), "usd": settings.TASK_USD}
    ceilings = {"tokens": _number(submission.context, TOKENS_CEILING), "usd": _number(submission.context, CEILING)}
    for unit, ceiling in ceilings.items():
        said = (value for value in (ceiling, submission.limits.get(unit)) if value is not None)
        most[unit] = min([most[unit], *(Decimal(str(value)) for value in said)])
    return {**submission.limits, **most}


def _number(context: JSON, name: str) -> float | None:
    """Contexts of earlier runs come along in forks as they are."""
    value = context.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def _rights(principal: Principal) -> JSON:
    return {
        "role": principal.role,
        "scopes": sorted(principal.scopes),
        "permissions": sorted(principal.permissions),
    }


def _as_id(name: str | None) -> UUID | None:
    try:
        return UUID(name) if name else None
    except ValueError:
        return None


def _score(submission: Submission) -> float:
    return complexity.score(submission.query, attachments=len(submission.attachments) + len(submission.stored))


def _mode(submission: Submission) -> str:
    return submission.mode or complexity.mode_of(_score(submission))


def _stored(tenant: UUID, attachments: Sequence[Attachment]) -> list[JSON]:
    """Before the task, as a content of its own: if the submit then fails, bytes are left that the next one finds."""
    if not attachments:
        return []
    with tenant_scope(tenant):
        return [_store(tenant, given) for given in attachments]


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
