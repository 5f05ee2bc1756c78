"""The burn-down's shapes: inside of their frame whatever was spent, and going on to where the limit is reached."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from webapp.budgets.burn import Burn, BurnDay
from webapp.budgets.rules import reached_on
from webapp.budgets.units import USD
from webapp.dashboard.burn_chart import HEIGHT, WIDTH, chart

TODAY = date(2026, 5, 1)


def burn(spent: list[Decimal], limit: Decimal | None, per_day: float) -> Burn:
    """What was spent on each day, the last of them today."""
    days, left = [], limit
    for n, amount in enumerate(spent):
        left = None if left is None else max(left - amount, Decimal(0))
        days.append(BurnDay(TODAY - timedelta(days=len(spent) - 1 - n), amount, left))
    return Burn(USD, limit, left, per_day, reached_on(left, per_day, TODAY), days)


def points(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in line.split())]


amounts = st.decimals(0, 10**6, places=4)


@given(st.lists(amounts, min_size=1, max_size=90), st.none() | amounts, st.floats(0, 10**6))
def test_nothing_is_drawn_outside(spent: list[Decimal], limit: Decimal | None, per_day: float) -> None:
    drawn = chart(burn(spent, limit, per_day))
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= WIDTH + 0.1 and -0.1 <= bar.y <= HEIGHT
        assert abs(bar.y + bar.height - HEIGHT) < 0.11
    for x, y in points(drawn.left) + points(drawn.ahead):
        assert 0 <= x <= WIDTH + 0.1 and -0.1 <= y <= HEIGHT + 0.1
    assert len(drawn.bars) == len(spent) and bool(drawn.left) == (limit is not None)


def test_it_goes_on_to_the_day_on_which_the_limit_is_reached() -> None:
    drawn = chart(burn([Decimal(10)] * 7, Decimal(100), 10.0))
    begin, end = points(drawn.ahead)
    assert begin == points(drawn.left)[-1] and end == (WIDTH, HEIGHT) and drawn.last == TODAY + timedelta(days=3)


def test_a_limit_that_is_far_away_is_shown_for_half_the_days_only() -> None:
    drawn = chart(burn([Decimal(1)] * 10, Decimal(1000), 1.0))
    assert drawn.last == TODAY + timedelta(days=5) and points(drawn.ahead)[-1][1] < HEIGHT


def test_without_a_limit_or_a_pace_nothing_goes_on() -> None:
    assert not chart(burn([Decimal(1)] * 3, None, 1.0)).ahead
    assert not chart(burn([Decimal(0)] * 3, Decimal(1), 0.0)).ahead
