"""Steers tasks: admission, pause, resume, cancel. Rows first, a wake-up second."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction

from webapp.common.errors import Conflict
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import bell, dispatch, engine
from webapp.orchestration.steps import ReadyStep
from webapp.tenants.rules import Principal


def admit_in_scope(tenant: UUID) -> list[ReadyStep]:
    """Within the tenant's scope: let its queued tasks run as far as there is room; the steps that may start."""
    return ready_steps(
        one("engine_admit(%s, %s, %s, %s)", tenant, settings.TASKS_PER_TENANT, settings.TASKS_PER_USER, settings.HINT_S)
    )


def admit_waiting(tenants: Iterable[UUID]) -> list[ReadyStep]:
    """The same of many tenants, for workers."""
    return engine.admit(
        tenants=tenants,
        tenant_limit=settings.TASKS_PER_TENANT,
        user_limit=settings.TASKS_PER_USER,
        hint_s=settings.HINT_S,
    )


def place_in_line(tenant: UUID, task: UUID) -> JSON | None:
    """
    Within the tenant's scope, of a queued task: `place` from 1, how many wait `of` the tenant's, and whether its person
    already runs as many as one may (`person_full`). None when it is not queued.
    """
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT place, of, NOT admissible FROM (SELECT *, count(*) OVER () AS of FROM engine_line(%s, %s)) AS line"
            " WHERE task = %s",
            [tenant, settings.TASKS_PER_USER, task],
        )
        found = cursor.fetchone()
    return {"place": found[0], "of": found[1], "person_full": found[2]} if found else None


def pause_task(*, principal: Principal, task: UUID, reason: str) -> None:
    """
    What runs finishes, nothing new starts, until it is resumed.

    Raises:
        Conflict: it does not run.
    """
    with tenant_scope(principal.tenant_id):
        if not one("engine_pause(%s, %s, %s)", task, str(principal.user_id), reason):
            raise Conflict("Only a running task can be paused")
        ready = admit_in_scope(principal.tenant_id)
        transaction.on_commit(lambda: bell.ring([task], ready))


def resume_task(*, principal: Principal, task: UUID, reason: str) -> None:
    """
    Goes on where it stood.

    Raises:
        Conflict: it is not paused.
    """
    with tenant_scope(principal.tenant_id):
        ready = one("engine_resume(%s, %s, %s, %s)", task, str(principal.user_id), reason, settings.HINT_S)
        if ready is None:
            raise Conflict("Only a paused task can be resumed")
        transaction.on_commit(lambda: bell.ring([task], ready_steps(ready)))


def cancel_task(*, principal: Principal, task: UUID, reason: str) -> bool:
    """
    End the task and everything it still runs; False when it had ended before.

    The rows refuse what running steps bring from now on; the wake-up closes their streams and sandboxes at once,
    and a lost wake-up is made good by the next lease renewal.
    """
    with tenant_scope(principal.tenant_id):
        cancelled = bool(one("engine_cancel(%s, %s, %s)", task, str(principal.user_id), reason))
        ready = admit_in_scope(principal.tenant_id)
        transaction.on_commit(lambda: dispatch.tell_ended([task]))
        transaction.on_commit(lambda: bell.ring([], ready))
    return cancelled


def one(call: str, *args: Any) -> Any:
    """The answer of one of the engine's functions that people call, within the tenant's scope."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT {call}", args)
        (answer,) = cursor.fetchone() or (None,)
    return answer


def ready_steps(answer: Any) -> list[ReadyStep]:
    return [ReadyStep.of(body) for body in (json.loads(answer) if isinstance(answer, str) else answer)]
