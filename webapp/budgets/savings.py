"""What did not have to be paid for, by cause, day or model."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import CharField, Count, Expression, F, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat, TruncDate

from webapp.budgets.models import Cause, Hold, HoldState, Saving, money
from webapp.budgets.window import Window

GROUPS: dict[str, Expression | F] = {
    "cause": F("cause"),
    "day": Cast(TruncDate("created_at"), TextField()),
    "model": Concat("provider", Value("/"), "model", output_field=CharField()),
}
SHOWN = 500  # more than the days of the longest window; there are fewer causes and models


@dataclass(frozen=True)
class Saved:
    """
    Attributes:
        key: the cause, day or model; the same in words as `name`.
        usd: below zero where a provider's cache has cost more than it gave back.
        share: of what would have been paid; None when that is nothing.
    """

    key: str
    name: str
    count: int
    tokens: int
    usd: Decimal
    share: float | None


@dataclass(frozen=True)
class Savings:
    """`paid` is what the calls of the time have cost nevertheless."""

    rows: list[Saved]
    total: Saved
    paid: Decimal


def savings(tenant: UUID, by: str, window: Window) -> Savings:
    """What saved most comes first; days from the newest on."""
    kept = Saving.objects.filter(window.began_in, tenant_id=tenant).annotate(key=GROUPS[by])
    sums = kept.values("key").annotate(count=Count("id"), tokens=Sum("tokens"), usd=Sum("usd"))
    rows = list(sums.order_by("-key" if by == "day" else "-usd")[:SHOWN])
    paid = _paid(tenant, window)
    everything = sum((row["usd"] for row in rows), Decimal(0))
    without = paid + everything

    def saved(key: str, count: int, tokens: int, usd: Decimal) -> Saved:
        name = Cause(key).label if by == "cause" and key in Cause.values else key
        return Saved(key, str(name), count, tokens, usd, float(usd / without) if without > 0 else None)

    found = [saved(**row) for row in rows]
    return Savings(found, saved("", sum(r.count for r in found), sum(r.tokens for r in found), everything), paid)


def _paid(tenant: UUID, window: Window) -> Decimal:
    settled = Hold.objects.filter(window.began_in, tenant_id=tenant, state=HoldState.SETTLED)
    return Decimal(settled.aggregate(usd=Coalesce(Sum("usd"), Decimal(0), output_field=money()))["usd"])
