"""Failures are in a row by the order in which their calls began."""

from __future__ import annotations

import random

import pytest

from workers.gateway.row import Place, Row


@pytest.fixture
def row() -> Row:
    return Row(enough=3)


def begun(row: Row, calls: int) -> list[Place]:
    return [row.began() for _ in range(calls)]


def test_one_after_the_other_each_failure_counts_at_once(row: Row) -> None:
    assert [row.failed(row.began()) for _ in range(4)] == [1, 1, 1, 1]


def test_a_failure_behind_a_call_that_is_out_waits_for_that(row: Row) -> None:
    first, second = begun(row, 2)
    assert row.failed(second) == 0
    assert row.failed(first) == 2, "both, now that it is known"


def test_what_an_older_answer_leaves_counts_with_the_next_failure(row: Row) -> None:
    first, second, third = begun(row, 3)
    assert row.failed(second) == 0
    row.well(first)
    assert row.failed(third) == 2


def test_enough_beside_each_other_count_whatever_is_out(row: Row) -> None:
    _hangs, *others = begun(row, 4)
    assert [row.failed(place) for place in others] == [0, 0, 3]


def test_a_failure_says_nothing_once_a_later_call_went_well(row: Row) -> None:
    slow = begun(row, 5)
    row.well(row.began())
    assert [row.failed(place) for place in slow] == [0] * 5


def test_a_call_that_tells_nothing_is_as_if_it_had_not_been(row: Row) -> None:
    first, stopped, last = begun(row, 3)
    assert (row.failed(last), row.nothing(stopped), row.failed(first)) == (0, None, 2)


@pytest.mark.parametrize("errors_first", [True, False])
def test_a_fifth_that_fails_of_many_at_once_is_no_outage(errors_first: bool) -> None:
    """Faster than the answers, or all at the end."""
    drawn, row = random.Random(7), Row(enough=5)
    places = begun(row, 200)
    failing = drawn.sample(places, 40)
    answered = [place for place in places if place not in failing]
    most = now = 0
    for place in [*failing, *answered] if errors_first else [*answered, *failing]:
        if place in failing:
            now += row.failed(place)
        else:
            row.well(place)
            now = 0
        most = max(most, now)
    assert most < 5


def test_all_that_fail_of_many_at_once_are_an_outage_in_any_order() -> None:
    row = Row(enough=5)
    places = begun(row, 200)
    random.Random(7).shuffle(places)
    assert sum(row.failed(place) for place in places) == 200
