"""When a day or a month of a budget begins and ends: at UTC's midnights, whatever the length of the month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webapp.budgets.units import window_began, window_ends


@pytest.mark.parametrize(
    ("period", "at", "began", "ends"),
    [
        ("day", (2026, 11, 22, 13, 5), (2026, 11, 22), (2026, 11, 23)),
        ("day", (2026, 12, 31, 23, 59), (2026, 12, 31), (2027, 1, 1)),
        ("day", (2026, 11, 22), (2026, 11, 22), (2026, 11, 23)),
        ("month", (2026, 12, 31, 23, 59), (2026, 12, 1), (2027, 1, 1)),
        ("month", (2026, 1, 31), (2026, 1, 1), (2026, 2, 1)),
        ("month", (2028, 2, 29, 12), (2028, 2, 1), (2028, 3, 1)),
    ],
)
def test_a_window_begins_and_ends_at_midnight(
    period: str, at: tuple[int, ...], began: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    when = datetime(*at, tzinfo=UTC)  # type: ignore[misc, arg-type]
    assert window_began(period, when) == datetime(*began, tzinfo=UTC)  # type: ignore[misc, arg-type]
    assert window_ends(period, when) == datetime(*ends, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_what_is_for_all_time_has_no_end() -> None:
    assert window_ends("total", datetime(2026, 11, 22, tzinfo=UTC)) is None
