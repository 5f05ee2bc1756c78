"""Reads the ledger."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Sum

from webapp.budgets.models import Hold, HoldState
from webapp.common.values import JSON


def model_breakdown(tenant: UUID, task: UUID) -> list[JSON]:
    """Settled calls of a task by model, the most tokens first; percentages are of the task's tokens."""
    rows = (
        Hold.objects.filter(tenant_id=tenant, task_id=task, state=HoldState.SETTLED)
        .values("provider", "model")
        .annotate(
            executions=Count("step"), prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"), cost=Sum("usd")
        )
    )
    total = sum(row["prompt"] + row["completion"] for row in rows) or 1
    found = [
        {
            "provider": row["provider"],
            "model": row["model"],
            "executions": row["executions"],
            "tokens": row["prompt"] + row["completion"],
            "cost_usd": float(row["cost"]),
            "percentage": round(100 * (row["prompt"] + row["completion"]) / total),
        }
        for row in rows
    ]
    return sorted(found, key=lambda row: -int(row["tokens"]))
