"""Lines of the ledger and savings written by hand, as the engine's SQL would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from webapp.agent_tasks.models import Task
from webapp.budgets.models import Hold, Saving
from webapp.common.tenancy import tenant_scope

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def hold(task: Task, step: int, **given: Any) -> Hold:
    """Settled, unless told otherwise. No envelope knows of it: an open one must be gone before the engine's sweep."""
    fields = {
        "fence": 1, "purpose": "agent", "provider": "offline", "model": "rules", "held_tokens": 10 * step,
        "state": "settled", "created_at": AT, **given,
    }  # fmt: skip
    with tenant_scope(task.tenant_id):
        return Hold.objects.create(tenant_id=task.tenant_id, task=task, step=step, **fields)


def saving(task: Task, **given: Any) -> Saving:
    fields = {"step": 1, "provider": "openai", "model": "gpt-5", "tokens": 100, "created_at": AT, **given}
    with tenant_scope(task.tenant_id):
        return Saving.objects.create(tenant_id=task.tenant_id, task=task, **fields)
