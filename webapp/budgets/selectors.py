"""Reads the ledger."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Count, ExpressionWrapper, F, FloatField, Sum, Value
from django.db.models.functions import Coalesce, Greatest, NullIf

from webapp.budgets.models import Envelope, Hold, HoldState, Level
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


def tenant_tokens(tenant: UUID, since: datetime) -> tuple[int | None, int]:
    """The tenant's limit in tokens, None for none, and what it has settled since."""
    limit = Envelope.objects.filter(tenant_id=tenant, level=Level.TENANT).values_list("tokens_limit", flat=True).first()
    settled = Hold.objects.filter(tenant_id=tenant, created_at__gte=since, state=HoldState.SETTLED)
    used = settled.aggregate(tokens=Coalesce(Sum(F("prompt_tokens") + F("completion_tokens")), 0))
    return limit, int(used["tokens"])


def holds_of(tenant: UUID, task: UUID, step: int) -> list[Hold]:
    """One per attempt that was to cost something, the first attempt first."""
    return list(Hold.objects.filter(tenant_id=tenant, task_id=task, step=step).order_by("fence"))


def envelope_of(tenant: UUID, owner: UUID) -> Envelope | None:
    return Envelope.objects.filter(tenant_id=tenant, owner_id=owner).first()


def fullest(tenant: UUID, level: str | None, limit: int = 30) -> list[Envelope]:
    """Those nearest to a limit first, then the newest; a ratio of 1 is at the limit."""

    def ratio(unit: str, of: F | Value) -> ExpressionWrapper:
        booked = F(f"{unit}_spent") + F(f"{unit}_held") - F(f"{unit}_overrun")
        return ExpressionWrapper(booked * 1.0 / NullIf(of, Value(0)), output_field=FloatField())

    rows = Envelope.objects.filter(tenant_id=tenant).annotate(
        full=Greatest(Coalesce(ratio("tokens", F("tokens_limit")), 0.0), Coalesce(ratio("usd", F("usd_limit")), 0.0))
    )
    return list((rows.filter(level=level) if level else rows).order_by("-full", "-id")[:limit])


def open_holds(tenant: UUID, limit: int = 50) -> list[Hold]:
    """The oldest first: an old one belongs to a call that takes long."""
    return list(Hold.objects.filter(tenant_id=tenant, state=HoldState.OPEN).order_by("created_at")[:limit])


def ledger(tenant: UUID, before: str, limit: int) -> list[Hold]:
    """Closed holds, the newest first; `before` is a time in ISO form, anything else begins at the newest."""
    rows = Hold.objects.filter(tenant_id=tenant).exclude(state=HoldState.OPEN).order_by("-created_at")
    try:
        rows = rows.filter(created_at__lt=datetime.fromisoformat(before))
    except ValueError:
        pass
    return list(rows[:limit])
