"""What a task and its steps have cost, from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, F, Sum
from django.db.models.functions import Coalesce

from webapp.budgets.models import Envelope, Hold, HoldState, Level, Period
from webapp.common.values import JSON


def model_breakdown(tenant: UUID, task: UUID) -> list[JSON]:
    """Settled calls of a task by model, the most tokens first; percentages are of the task's tokens."""
    rows = (
        Hold.objects.filter(tenant_id=tenant, task_id=task, state=HoldState.SETTLED)
        .exclude(provider="")
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


def tenant_tokens(tenant: UUID, since: datetime) -> tuple[int | None, int]:
    """The tenant's limit in tokens, None for none, and what it has settled since."""
    whole = Envelope.objects.filter(tenant_id=tenant, level=Level.TENANT, period=Period.TOTAL)
    limit = whole.values_list("tokens_limit", flat=True).first()
    settled = Hold.objects.filter(tenant_id=tenant, created_at__gte=since, state=HoldState.SETTLED)
    used = settled.aggregate(tokens=Coalesce(Sum(F("prompt_tokens") + F("completion_tokens")), 0))
    return limit, int(used["tokens"])


def holds_of(tenant: UUID, task: UUID, step: int) -> list[Hold]:
    """One per call, the first attempt's first."""
    return list(Hold.objects.filter(tenant_id=tenant, task_id=task, step=step, call__gt=0).order_by("fence", "call"))


@dataclass(frozen=True)
class Spent:
    """What a step's attempts were settled at, together."""

    tokens: int = 0
    usd: Decimal = Decimal(0)


def spent_by_step(tenant: UUID, task: UUID) -> dict[int, Spent]:
    """Of those steps that have paid for anything."""
    settled = Hold.objects.filter(tenant_id=tenant, task_id=task, state=HoldState.SETTLED)
    rows = settled.values("step").annotate(tokens=Sum(F("prompt_tokens") + F("completion_tokens")), cost=Sum("usd"))
    return {row["step"]: Spent(row["tokens"], row["cost"]) for row in rows}
