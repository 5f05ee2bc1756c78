"""What becomes of two shares of the tests."""

from __future__ import annotations

import pytest

from tests.support.services import ROOT
from tests.support.side_by_side import APART, NO_TESTS, SHARES, verdict


@pytest.mark.parametrize(
    ("codes", "ends_with"),
    [
        ((0, 0), 0),
        ((0, 1), 1),
        ((1, 0), 1),
        ((0, NO_TESTS), 0),
        ((1, NO_TESTS), 1),
        ((NO_TESTS, NO_TESTS), 1),
        ((0, -9), 1),
    ],
)
def test_it_ends_well_where_something_ran_and_nothing_failed(codes: tuple[int, int], ends_with: int) -> None:
    assert verdict(list(codes)) == ends_with


def test_every_test_is_in_one_share() -> None:
    folders = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in (ROOT / "tests").rglob("test_*.py")}
    rest, farms, beside = SHARES
    assert farms == ["tests/integration", "-m", "farm"]
    assert rest == ["tests/integration", "-m", "not farm", *(f"--ignore={folder}" for folder in APART)]
    assert beside == [*sorted(folders - {"tests/integration"}, reverse=True), *APART, "-m", "not farm"]
    assert all((ROOT / folder).is_dir() for folder in APART)
