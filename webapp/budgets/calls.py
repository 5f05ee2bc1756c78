"""How model calls went, from the ledger: each has a hold, from before it was sent until it was settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, ExpressionWrapper, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Extract

from webapp.budgets.models import Hold, HoldState, money
from webapp.common.tables import now


@dataclass(frozen=True)
class Calls:
    """
    Attributes:
        number: that were sent, or failed before; those under way and what was given back unsent don't count.
        p50_s, p95_s: of those that succeeded; None when there is none.
    """

    number: int = 0
    succeeded: int = 0
    p50_s: float | None = None
    p95_s: float | None = None
    tokens: int = 0
    usd: Decimal = Decimal(0)

    @property
    def success_rate(self) -> float | None:
        return self.succeeded / self.number if self.number else None


class Percentile(Aggregate):
    """Of a group's values, as Postgres interpolates it."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: Any, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=fraction, output_field=FloatField(), **extra)


def calls_by_provider(tenant: UUID, within: timedelta) -> dict[str, Calls]:
    """Of those that came to an end within the time before now."""
    took = ExpressionWrapper(Extract(F("closed_at") - F("created_at"), "epoch"), output_field=FloatField())
    well = Q(error="", worst_case=False)
    rows = (
        _ended(tenant, within)
        .values("provider")
        .annotate(
            number=Count("step"),
            succeeded=Count("step", filter=Q(error="")),
            p50_s=Percentile(took, 0.5, filter=well),
            p95_s=Percentile(took, 0.95, filter=well),
            tokens=Coalesce(Sum(F("prompt_tokens") + F("completion_tokens")), 0),
            usd=Coalesce(Sum("usd"), Decimal(0), output_field=money()),
        )
    )
    return {
        row["provider"]: Calls(row["number"], row["succeeded"], row["p50_s"], row["p95_s"], row["tokens"], row["usd"])
        for row in rows
    }


def calls_by_tier(tenant: UUID, within: timedelta) -> dict[str, int]:
    """How many were asked for as each tier."""
    rows = _ended(tenant, within).exclude(tier="").values("tier").annotate(number=Count("step"))
    return {row["tier"]: row["number"] for row in rows}


def _ended(tenant: UUID, within: timedelta) -> QuerySet[Hold]:
    """Tools have no provider."""
    sent = Q(state=HoldState.SETTLED) | (Q(state=HoldState.RELEASED) & ~Q(error=""))
    return Hold.objects.filter(sent, tenant_id=tenant, created_at__gte=now() - within).exclude(provider="")
