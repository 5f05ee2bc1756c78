"""How fast a budget is used up: what was spent of it day by day, and when its limit will be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db.models import F, Q, Sum
from django.db.models.functions import TruncDate

from webapp.budgets.models import Envelope, Hold, HoldState, Level, Period
from webapp.budgets.rules import reached_on
from webapp.budgets.units import UNITS, Amount, Balance, Unit, balance, window_began

MEAN_DAYS = 7  # the pace is that of the last days, today among them
BOOKED = {"tokens": F("prompt_tokens") + F("completion_tokens")}  # of a hold; else the column of the unit's name
Spent = dict[date, dict[str, Amount]]


@dataclass(frozen=True)
class BurnDay:
    """`left` is of today's limit at the end of that day, what is held not counted; None without a limit. A day's or
    month's budget has all of it again when its next one begins."""

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
    spent = _spent_by_day(tenant, envelope, window_began(envelope.period, _midnight(first)))
    return [_burn(envelope, unit, spent, days, today) for unit in UNITS]


def _burn(envelope: Envelope, unit: Unit, spent: Spent, days: int, today: date) -> Burn:
    def of(day: date) -> Amount:
        return spent.get(day, {}).get(unit.name) or 0

    now = balance(envelope, unit)
    shown = [today - timedelta(days=back) for back in reversed(range(days))]
    gone = _gone_in_all(now, [of(day) for day in shown]) if envelope.period == Period.TOTAL else None
    gone = gone or [_gone_in_window(envelope.period, day, of) for day in shown]
    rows = [BurnDay(day, of(day), _left(now.limit, used)) for day, used in zip(shown, gone, strict=True)]
    there = min(MEAN_DAYS, (today - envelope.created_at.astimezone(UTC).date()).days + 1)
    recent = (of(today - timedelta(days=back)) for back in range(MEAN_DAYS))
    per_day = float(sum(recent)) / max(there, 1)
    reached = reached_on(now.left, per_day, today)
    if reached and now.left and not _same_window(envelope.period, today, reached):
        reached = None  # it begins anew before
    return Burn(unit, now.limit, now.left, per_day, reached, rows)


def _gone_in_all(now: Balance, each: list[Amount]) -> list[Amount]:
    """What was spent up to each day's end: what is spent now, without what came later."""
    later = list(accumulate(reversed(each), initial=0))[:-1]
    return [now.spent - now.overrun - after for after in reversed(later)]


def _gone_in_window(period: str, day: date, of: Callable[[date], Amount]) -> Amount:
    begin = window_began(period, _midnight(day)).date()
    return sum((of(begin + timedelta(days=n)) for n in range((day - begin).days + 1)), 0)


def _left(limit: Amount | None, gone: Amount) -> Amount | None:
    return None if limit is None else max(min(limit - gone, limit), 0)


def _same_window(period: str, one: date, other: date) -> bool:
    return period == Period.TOTAL or window_began(period, _midnight(one)) == window_began(period, _midnight(other))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _spent_by_day(tenant: UUID, envelope: Envelope, since: datetime) -> Spent:
    holds = Hold.objects.filter(_own(envelope), tenant_id=tenant, state=HoldState.SETTLED, created_at__gte=since)
    sums = {f"{unit.name}_spent": Sum(BOOKED.get(unit.name, F(unit.name))) for unit in UNITS}
    rows: Iterable[Any] = holds.annotate(day=TruncDate("created_at")).values("day").annotate(**sums)
    return {row["day"]: {unit.name: row[f"{unit.name}_spent"] for unit in UNITS} for row in rows}


def _own(envelope: Envelope) -> Q:
    """Whose holds were made from it."""
    owner = envelope.owner_id
    return {
        Level.TENANT: Q(),
        Level.USER: Q(task__user_id=owner),
        Level.SESSION: Q(task__session_id=owner),
        Level.TASK: Q(task_id=owner),
        Level.AGENT: Q(task_id=owner, agent=envelope.name),
    }[Level(envelope.level)]
