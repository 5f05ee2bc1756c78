"""What becomes of two shares of the tests."""

from __future__ import annotations

import pytest

from tests.support.services import ROOT
from tests.support.side_by_side import NO_TESTS, SHARES, verdict


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


def test_every_folder_with_tests_is_in_one_share_or_split_in_two() -> None:
    folders = {f"tests/{path.relative_to(ROOT / 'tests').parts[0]}" for path in (ROOT / "tests").rglob("test_*.py")}
    whole = [word for share in SHARES if "-m" not in share for word in share]
    split = [share for share in SHARES if "-m" in share]
    assert [share[1:] for share in split] == [["-m", "not farm"], ["-m", "farm"]]
    assert {*whole, *(share[0] for share in split)} == folders and split[0][0] == split[1][0] not in whole
