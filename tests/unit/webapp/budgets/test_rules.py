"""Limits as people send them, and the day on which one is reached."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.budgets.export import harmless
from webapp.budgets.rules import reached_on, read_limit
from webapp.budgets.units import TOKENS, USD, Unit
from webapp.budgets.window import read_window
from webapp.common.errors import Invalid

TODAY = date(2026, 5, 1)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "raw", "limit"),
    [
        (TOKENS, None, None), (TOKENS, 5, 5), (TOKENS, " 5 ", 5), (TOKENS, 5.0, 5), (TOKENS, 0, 0),
        (USD, "1.50", Decimal("1.5")), (USD, 0.1, Decimal("0.1")), (USD, "0.0000000001", Decimal("0.0000000001")),
    ],
)  # fmt: skip
def test_a_limit_is_read_as_it_was_meant(unit: Unit, raw: Any, limit: Any) -> None:
    assert read_limit(unit, raw) == limit


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.lists(st.none())))
def test_whatever_is_sent_is_a_limit_or_refused(raw: Any) -> None:
    for unit in (TOKENS, USD):
        try:
            found = read_limit(unit, raw)
        except Invalid as error:
            assert error.field == f"{unit.name}_limit"
        else:
            assert found is not None and 0 <= found < 2**63 and not isinstance(raw, bool | list)


@pytest.mark.parametrize(
    ("left", "per_day", "day"),
    [
        (None, 5.0, None), (10, 0.0, None), (0, 0.0, TODAY), (-1, 5.0, TODAY), (10, 5.0, date(2026, 5, 3)),
        (9, 5.0, date(2026, 5, 2)), (Decimal("0.5"), 1.0, TODAY), (10**12, 1.0, None),
    ],
)  # fmt: skip
def test_a_limit_is_reached_on_the_day_on_which_nothing_is_left(left: Any, per_day: float, day: date | None) -> None:
    assert reached_on(left, per_day, TODAY) == day


def test_a_window_is_the_last_thirty_days_unless_told_otherwise() -> None:
    usual = read_window("", "", NOW)
    assert usual.since < NOW < usual.until and (usual.until - usual.since).days == 30
    assert read_window("2026-04-01", "2026-04-02T00:00:00+02:00", NOW).until == datetime(2026, 4, 1, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("x", ""), ("", "2026-02-30"), ("2026-05-01", "2026-05-01"), ("2025-01-01", ""), ("9" * 50, ""),
        ("0001-01-01T00:00:00+14:00", ""),
    ],
)  # fmt: skip
def test_a_window_that_can_not_be_is_refused(since: str, until: str) -> None:
    with pytest.raises(Invalid):
        read_window(since, until, NOW)


@given(st.text())
def test_no_text_stays_a_formula_and_none_is_lost(text: str) -> None:
    assert not harmless(text).startswith(("=", "+", "-", "@", "\t", "\r")) and harmless(text).endswith(text)
