"""Recomputes every balance from the ledger, and names each that differs. One query, which reads all holds of a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections

from webapp.budgets.errors import VerificationUnderWay
from webapp.budgets.models import NEVER_HELD, NEVER_OVERRUN
from webapp.common.tenancy import tenant_scope

# What a unit's balance is the sum of: of settled holds, and of open ones.
AMOUNTS = {
    "tokens": ("h.prompt_tokens + h.completion_tokens", "h.held_tokens"),
    "usd": ("h.usd", "h.held_usd"),
    "seconds": ("h.seconds", "h.held_seconds"),
    "fuel": ("h.fuel", "h.held_fuel"),
    "tool_calls": ("h.tool_calls", "h.held_tool_calls"),
    "steps": ("h.steps", None),
}


@dataclass(frozen=True)
class Place:
    """A unit of a budget."""

    envelope: UUID
    level: str
    owner: UUID
    name: str
    period: str
    unit: str

    @property
    def named(self) -> str:
        return " ".join(part for part in (self.level, str(self.owner), self.name, self.period) if part)


@dataclass(frozen=True)
class Difference(Place):
    """What a budget says of a unit, and what its ledger says; `what` is spent or held."""

    what: str
    budget: Decimal
    ledger: Decimal

    def __str__(self) -> str:
        return f"{self.named}: {self.budget.normalize():f} {self.unit} {self.what}, {self.ledger.normalize():f} by the ledger"


@dataclass(frozen=True)
class Over(Place):
    """More is spent and held than the limit allows, what was billed beyond holds aside."""

    limit: Decimal
    booked: Decimal

    def __str__(self) -> str:
        return f"{self.named}: {self.booked.normalize():f} {self.unit} of {self.limit.normalize():f}"


@dataclass(frozen=True)
class Verification:
    """
    Attributes:
        open: holds whose call is under way.
    """

    envelopes: int
    holds: int
    open: int
    differences: list[Difference]
    over: list[Over]

    @property
    def sound(self) -> bool:
        return not self.differences and not self.over


def _sums() -> str:
    settled = "h.state = 'settled' AND (e.window_start IS NULL OR h.closed_at >= e.window_start)"
    parts = []
    for unit, (spent, held) in AMOUNTS.items():
        parts.append(f"coalesce(sum({spent}) FILTER (WHERE {settled}), 0) AS {unit}_spent")
        if held:
            parts.append(f"coalesce(sum({held}) FILTER (WHERE h.state = 'open'), 0) AS {unit}_held")
    return ", ".join(parts)


def _pairs() -> str:
    """Each balance beside what the ledger makes of it."""
    rows = []
    for unit, (_, held) in AMOUNTS.items():
        rows.append(f"('{unit}', 'spent', e.{unit}_spent::numeric, l.{unit}_spent::numeric)")
        if held:
            rows.append(f"('{unit}', 'held', e.{unit}_held::numeric, l.{unit}_held::numeric)")
    return ", ".join(rows)


def booked(unit: str) -> str:
    """What a limit must leave room for, of an envelope's columns: SQL."""
    held = f" + {unit}_held" if unit not in NEVER_HELD else ""
    return f"{unit}_spent{held}" + (f" - {unit}_overrun" if unit not in NEVER_OVERRUN else "")


DIFFERENCES = f"""
WITH l AS (
  SELECT e.id, {_sums()}
  FROM budgets_envelope e LEFT JOIN (budgets_hold h CROSS JOIN LATERAL unnest(h.envelopes) AS x(envelope)) ON x.envelope = e.id
  WHERE e.tenant_id = %s GROUP BY e.id
)
SELECT e.id, e.level, e.owner_id, e.name, e.period, p.unit, p.what, p.budget, p.ledger
FROM l JOIN budgets_envelope e ON e.id = l.id CROSS JOIN LATERAL (VALUES {_pairs()}) AS p(unit, what, budget, ledger)
WHERE p.budget <> p.ledger ORDER BY e.level, e.id, p.unit, p.what
"""
OVER = " UNION ALL ".join(
    f"""SELECT id, level, owner_id, name, period, '{unit}', {unit}_limit::numeric, ({booked(unit)})::numeric
    FROM budgets_envelope WHERE tenant_id = %(tenant)s AND {unit}_limit < {booked(unit)}"""
    for unit in AMOUNTS
)
COUNTS = """SELECT (SELECT count(*) FROM budgets_envelope WHERE tenant_id = %(tenant)s), count(*),
  count(*) FILTER (WHERE state = 'open') FROM budgets_hold WHERE tenant_id = %(tenant)s"""

ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('verify budgets of ' || %s, 0))"  # until the scope's end


def verify(tenant: UUID) -> Verification:
    """Balances and ledger are read by one statement, as of one moment: work may go on meanwhile."""
    with tenant_scope(tenant), connections["default"].cursor() as cursor:
        return verified(cursor, tenant)


def verify_alone(tenant: UUID) -> Verification:
    """
    For whoever asks over the network: of each tenant one at a time, as it reads all there is.

    Raises:
        VerificationUnderWay: nothing was read.
    """
    with tenant_scope(tenant), connections["default"].cursor() as cursor:
        cursor.execute(ALONE, [str(tenant)])
        if not cursor.fetchone()[0]:
            raise VerificationUnderWay
        return verify(tenant)


def verified(cursor: Any, tenant: UUID) -> Verification:
    """In the cursor's transaction."""
    cursor.execute(COUNTS, {"tenant": tenant})
    envelopes, holds, under_way = cursor.fetchone()
    cursor.execute(OVER, {"tenant": tenant})
    over = [Over(*row) for row in cursor.fetchall()]
    cursor.execute(DIFFERENCES, [tenant])
    return Verification(envelopes, holds, under_way, [Difference(*row) for row in cursor.fetchall()], over)
