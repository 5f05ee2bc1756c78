"""Steers running tasks. Rows first, a wake-up second."""

from __future__ import annotations

from uuid import UUID

from django.db import connections, transaction

from webapp.common.tenancy import tenant_scope
from webapp.orchestration import dispatch
from webapp.tenants.rules import Principal


def cancel_task(*, principal: Principal, task: UUID, reason: str) -> bool:
    """
    End the task and everything it still runs; False when it had ended before.

    The rows refuse what running steps bring from now on; the wake-up closes their streams and sandboxes at once,
    and a lost wake-up is made good by the next lease renewal.
    """
    with tenant_scope(principal.tenant_id):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT engine_cancel(%s, %s, %s)", [task, str(principal.user_id), reason])
            (cancelled,) = cursor.fetchone() or (False,)
        transaction.on_commit(lambda: _announce(task))
    return bool(cancelled)


def _announce(task: UUID) -> None:
    dispatch.stop_workers([task])
    dispatch.wake_readers([task])
