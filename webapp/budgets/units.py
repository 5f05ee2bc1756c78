"""What budgets count, and what an envelope says of each. A further unit of the engine's needs no line here but its kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from django.utils import timezone

from webapp.budgets.models import UNITS as LABELS
from webapp.budgets.models import Envelope, Period

Amount = int | Decimal
Kind = Literal["count", "money", "time"]
KINDS: dict[str, Kind] = {"usd": "money", "seconds": "time"}
DECIMALS: dict[Kind, int] = {"count": 0, "money": 10, "time": 3}


@dataclass(frozen=True)
class Unit:
    """
    Attributes:
        name: the columns of an envelope begin with it, e.g. `tokens_limit`.
        kind: how an amount is written: a whole number, USD, or seconds.
    """

    name: str
    label: str
    kind: Kind

    @property
    def decimals(self) -> int:
        return DECIMALS[self.kind]


UNITS = tuple(Unit(name, label, KINDS.get(name, "count")) for name, label in LABELS.items())
TOKENS, USD = UNITS[:2]


@dataclass(frozen=True)
class Balance:
    """One unit of one envelope; a limit of None is no limit."""

    unit: Unit
    limit: Amount | None
    spent: Amount
    held: Amount
    overrun: Amount

    @property
    def booked(self) -> Amount:
        """What a limit must leave room for. What was billed beyond holds doesn't count: the engine lets it pass too."""
        return self.spent + self.held - self.overrun

    @property
    def left(self) -> Amount | None:
        return None if self.limit is None else max(self.limit - self.booked, 0 * self.limit)

    @property
    def fullness(self) -> float:
        """Booked of the limit; 0 without one, 1 for a limit of nothing."""
        if self.limit is None:
            return 0.0
        return float(self.booked / self.limit) if self.limit else 1.0

    @property
    def matters(self) -> bool:
        """Tokens and money always; the others where there is a limit."""
        return self.unit in (TOKENS, USD) or self.limit is not None


def balances(envelope: Envelope) -> list[Balance]:
    return [balance(envelope, unit) for unit in UNITS]


def balance(envelope: Envelope, unit: Unit) -> Balance:
    """As it is now. The engine begins a new day or month with its first call: until then the row has the last one's."""
    found = balance_in_row(envelope, unit)
    if envelope.window_start and envelope.window_start < window_began(envelope.period, timezone.now()):
        return Balance(unit, found.limit, 0, found.held, 0)
    return found


def balance_in_row(envelope: Envelope, unit: Unit) -> Balance:
    """Some units are never held, or never overrun: they have no such column."""
    limit = getattr(envelope, f"{unit.name}_limit")
    spent, held, overrun = (getattr(envelope, f"{unit.name}_{what}", 0) for what in ("spent", "held", "overrun"))
    return Balance(unit, limit, spent, held, overrun)


def window_ends(period: str, at: datetime) -> datetime | None:
    """When the day or month of this instant ends; None for what has no end."""
    if period == Period.TOTAL:
        return None
    return window_began(period, window_began(period, at) + timedelta(days=32 if period == Period.MONTH else 1))


def window_began(period: str, at: datetime) -> datetime:
    """When the day or month of this instant began; `at` is in UTC."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if period == Period.MONTH else day
