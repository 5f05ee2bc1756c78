"""What budgets count. A further unit of the engine's is one line more here: its columns begin with its name."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from webapp.budgets.models import Envelope

Amount = int | Decimal


@dataclass(frozen=True)
class Unit:
    """
    Attributes:
        name: the columns of an envelope begin with it, e.g. `tokens_limit`.
        kind: how an amount is written: a whole number, USD, or seconds.
    """

    name: str
    label: str
    kind: Literal["count", "money", "time"]


TOKENS = Unit("tokens", "tokens", "count")
USD = Unit("usd", "USD", "money")
UNITS = (TOKENS, USD)


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


def balances(envelope: Envelope) -> list[Balance]:
    return [balance(envelope, unit) for unit in UNITS]


def balance(envelope: Envelope, unit: Unit) -> Balance:
    columns = (getattr(envelope, f"{unit.name}_{what}") for what in ("limit", "spent", "held", "overrun"))
    return Balance(unit, *columns)
