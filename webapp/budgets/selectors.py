"""Reads the ledger."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import (
    Count,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
)  # fmt: skip
from django.db.models.functions import Cast, Coalesce, Greatest, Left, NullIf

from webapp.agent_sessions.models import Session
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Envelope, Hold, HoldState, Level
from webapp.common.values import JSON
from webapp.tenants.models import Tenant, User


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
    limit = Envelope.objects.filter(tenant_id=tenant, level=Level.TENANT).values_list("tokens_limit", flat=True).first()
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


def envelope_of(tenant: UUID, owner: UUID) -> Envelope | None:
    return Envelope.objects.filter(tenant_id=tenant, owner_id=owner).first()


def fullest(tenant: UUID, level: str | None, limit: int = 30) -> list[Envelope]:
    """Those nearest to a limit first, then the newest, each with its owner in words as `owner_name`."""

    def ratio(unit: str, of: F | Value) -> ExpressionWrapper:
        booked = F(f"{unit}_spent") + F(f"{unit}_held") - F(f"{unit}_overrun")
        return ExpressionWrapper(booked * 1.0 / NullIf(of, Value(0)), output_field=FloatField())

    rows = Envelope.objects.filter(tenant_id=tenant).annotate(
        full=Greatest(Coalesce(ratio("tokens", F("tokens_limit")), 0.0), Coalesce(ratio("usd", F("usd_limit")), 0.0))
    )
    rows = rows.filter(level=level) if level else rows
    return list(rows.annotate(owner_name=owner_name()).order_by("-full", "-id")[:limit])


def owner_name() -> Coalesce:
    """Ids are the same in no two tables, so at most one of these finds something."""
    words = ((Tenant, "name"), (User, "email"), (Session, "title"), (Task, "query"))
    found = [model.objects.filter(id=OuterRef("owner_id")).values(words=Left(field, 80)) for model, field in words]
    named = (NullIf(Subquery(owner, output_field=TextField()), Value("")) for owner in found)
    return Coalesce(*named, Cast("owner_id", TextField()), output_field=TextField())


def _holds(tenant: UUID) -> QuerySet[Hold]:
    """With the beginning of the task's question as `asked`."""
    return Hold.objects.filter(tenant_id=tenant).annotate(asked=Left("task__query", 80))


def open_holds(tenant: UUID, limit: int = 50) -> list[Hold]:
    """The oldest first: an old one belongs to a call that takes long."""
    return list(_holds(tenant).filter(state=HoldState.OPEN).order_by("created_at")[:limit])


@dataclass(frozen=True)
class LedgerPlace:
    """A line of the ledger, for going on behind it; as text for addresses. Two calls may begin at the same moment."""

    at: datetime
    task: UUID
    step: int
    fence: int
    call: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.task}~{self.step}~{self.fence}~{self.call}"

    @classmethod
    def of(cls, hold: Hold) -> LedgerPlace:
        return cls(hold.created_at, hold.task_id, hold.step, hold.fence, hold.call)

    @classmethod
    def read(cls, text: str) -> LedgerPlace | None:
        """None for what isn't one."""
        found = re.fullmatch(r"([0-9T:.+-]{1,40})~([0-9a-f-]{36})~([0-9]{1,9})~([0-9]{1,9})~([0-9]{1,4})", text)
        try:
            place = (
                cls(datetime.fromisoformat(found[1]), UUID(found[2]), int(found[3]), int(found[4]), int(found[5]))
                if found
                else None
            )
        except ValueError:
            return None
        return place if place and place.at.tzinfo else None


def ledger(tenant: UUID, behind: LedgerPlace | None, limit: int) -> list[Hold]:
    """Closed holds, the newest first."""
    rows = _holds(tenant).exclude(state=HoldState.OPEN)
    if behind:
        at_once = Q(created_at=behind.at, pk__lt=(behind.task, behind.step, behind.fence, behind.call))
        rows = rows.filter(Q(created_at__lt=behind.at) | at_once)
    return list(rows.order_by("-created_at", "-task_id", "-step", "-fence", "-call")[:limit])
