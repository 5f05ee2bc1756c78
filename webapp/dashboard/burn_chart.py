"""A budget's burn-down as shapes: what each day took, what was left, and how it goes on at this pace. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from webapp.budgets.burn import Burn

WIDTH, HEIGHT = 1000.0, 200.0
GAP = 0.25  # of a day's width, between two bars
AHEAD = 0.5  # at most this share of the days shown is added for the future


@dataclass(frozen=True)
class DayBar:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """
    Attributes:
        left: the line of what was left at each day's end, as points; empty without a limit.
        ahead: where it goes at this pace, from today on; empty where it doesn't reach the limit.
        first, last: the days at both ends of the axis.
    """

    burn: Burn
    bars: list[DayBar]
    left: str
    ahead: str
    today_x: float
    first: date
    last: date


def chart(burn: Burn) -> Chart:
    """Amounts from nothing up to the limit, or to the dearest day where that is more."""
    shown, ahead = len(burn.days), _days_ahead(burn)
    each = WIDTH / (shown + ahead)
    top = max(float(burn.limit or 0), *(float(row.spent) for row in burn.days)) or 1.0

    def y(amount: float) -> float:
        return round(HEIGHT * (1 - amount / top), 1)

    def point(days: float, amount: float) -> str:
        return f"{round(each * days, 1):g},{y(amount):g}"

    bars = []
    for n, row in enumerate(burn.days):
        above = y(float(row.spent))
        bars.append(DayBar(round(each * (n + GAP / 2), 1), above, round(each * (1 - GAP), 1), round(HEIGHT - above, 1)))
    left = [point(n + 1, float(row.left)) for n, row in enumerate(burn.days) if row.left is not None]
    going_on = ""
    if ahead and burn.left is not None:
        gone = max(0.0, float(burn.left) - burn.per_day * ahead)
        going_on = f"{point(shown, float(burn.left))} {point(shown + ahead, gone)}"
    last = date.fromordinal(burn.days[-1].day.toordinal() + ahead)
    return Chart(burn, bars, " ".join(left), going_on, round(each * shown, 1), burn.days[0].day, last)


def _days_ahead(burn: Burn) -> int:
    if burn.reached_on is None:
        return 0
    until = (burn.reached_on - burn.days[-1].day).days
    return min(until, max(1, int(len(burn.days) * AHEAD)))
