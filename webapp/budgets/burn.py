"""How fast a budget is used up: what was spent of it day by day, and when its limit will be reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db.models import F, Q, Sum
from django.db.models.functions import TruncDate

from webapp.budgets.models import Envelope, Hold, HoldState, Level
from webapp.budgets.rules import reached_on
from webapp.budgets.units import UNITS, Amount, Unit, balance

MEAN_DAYS = 7  # the pace is that of the last days, today among them
HOLDS_OF = {Level.USER: "task__user_id", Level.SESSION: "task__session_id", Level.TASK: "task_id"}
BOOKED = {"tokens": F("prompt_tokens") + F("completion_tokens")}  # of a hold; else the column of the unit's name


@dataclass(frozen=True)
class BurnDay:
    """`left` is of today's limit at the end of that day, what is held not counted; None without a limit."""

    day: date
    spent: Amount
    left: Amount | None


@dataclass(frozen=True)
class Burn:
    """
    Attributes:
        days: without a gap, the oldest first, today last.
        per_day: the mean of the last days, of those only on which the budget was there.
        reached_on: when the limit is reached at that pace; None for never, or in more than ten years.
    """

    unit: Unit
    limit: Amount | None
    left: Amount | None
    per_day: float
    reached_on: date | None
    days: list[BurnDay]


def burn_down(tenant: UUID, envelope: Envelope, days: int, today: date) -> list[Burn]:
    """One for each unit; a day is one of UTC."""
    first = today - timedelta(days=max(days, MEAN_DAYS) - 1)
    spent = _spent_by_day(tenant, envelope, first)
    return [_burn(envelope, unit, spent, days, today) for unit in UNITS]


def _burn(envelope: Envelope, unit: Unit, spent: dict[date, dict[str, Amount]], days: int, today: date) -> Burn:
    shown = [today - timedelta(days=back) for back in range(days)]
    each = [spent.get(day, {}).get(unit.name) or 0 for day in shown]
    now = balance(envelope, unit)
    before = now.limit - now.spent + now.overrun if now.limit is not None else None
    later = accumulate(each, initial=0)  # spent after the day, the newest first
    left = [None if before is None else max(min(before + after, now.limit), 0) for after in later]
    rows = [BurnDay(*row) for row in zip(shown, each, left, strict=False)][::-1]
    there = min(MEAN_DAYS, (today - envelope.created_at.astimezone(UTC).date()).days + 1)
    recent = (spent.get(today - timedelta(days=back), {}).get(unit.name) or 0 for back in range(MEAN_DAYS))
    per_day = float(sum(recent)) / max(there, 1)
    return Burn(unit, now.limit, now.left, per_day, reached_on(now.left, per_day, today), rows)


def _spent_by_day(tenant: UUID, envelope: Envelope, first: date) -> dict[date, dict[str, Amount]]:
    since = datetime.combine(first, time(), UTC)
    level = Level(envelope.level)
    own = Q(**{HOLDS_OF[level]: envelope.owner_id}) if level in HOLDS_OF else Q()
    holds = Hold.objects.filter(own, tenant_id=tenant, state=HoldState.SETTLED, created_at__gte=since)
    sums = {f"{unit.name}_spent": Sum(BOOKED.get(unit.name, F(unit.name))) for unit in UNITS}
    rows: Iterable[Any] = holds.annotate(day=TruncDate("created_at")).values("day").annotate(**sums)
    return {row["day"]: {unit.name: row[f"{unit.name}_spent"] for unit in UNITS} for row in rows}
