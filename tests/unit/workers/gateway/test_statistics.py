"""What is known of models comes from their calls, newer ones count more, and silence is forgotten."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway import statistics as module
from workers.gateway.statistics import FORGOTTEN_S, P95_LEAST, UNKNOWN, WINDOW, LiveStatistics

SECONDS = st.floats(0, 1000, allow_nan=False)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def live(clock: Clock) -> LiveStatistics:
    return LiveStatistics(clock)


def call(live: LiveStatistics, seconds: float, ok: bool | None = True, model: str = "m", **more: float) -> None:
    live.ended(live.began("acme", model), seconds, ok, **more)


def test_of_a_model_that_was_never_called_nothing_is_known(live):
    assert live.of("acme", "m") == UNKNOWN
    assert (UNKNOWN.mean_s, UNKNOWN.p95_s, UNKNOWN.success_rate) == (None, None, 1.0)


def test_calls_under_way_are_counted_until_they_end_once(live):
    first, second = live.began("acme", "m"), live.began("acme", "m")
    assert live.of("acme", "m").in_flight == live.overall().in_flight == 2
    live.ended(first, 1.0, True)
    live.ended(first, 9.0, False)
    assert (live.of("acme", "m").in_flight, live.of("acme", "m").calls) == (1, 1)
    live.ended(second, 1.0, True)
    assert live.of("acme", "m").in_flight == live.overall().in_flight == 0


def test_a_call_that_tells_nothing_leaves_nothing_behind(live):
    call(live, 3.0, ok=None)
    assert live.of("acme", "m") == UNKNOWN and live.overall() == UNKNOWN


def test_a_failure_lowers_the_success_rate_and_has_no_latency(live):
    call(live, 2.0)
    call(live, 60.0, ok=False)
    stats = live.of("acme", "m")
    assert (stats.calls, stats.failures, stats.mean_s) == (2, 1, 2.0)
    assert stats.success_rate == pytest.approx(0.9)
    assert live.overall().success_rate == pytest.approx(1 - 1 / 64)


def test_the_mean_is_plain_at_first_and_follows_the_newer_ones_later(live):
    call(live, 1.0)
    call(live, 3.0)
    assert live.of("acme", "m").mean_s == pytest.approx(2.0)
    for _ in range(100):
        call(live, 10.0)
    assert live.of("acme", "m").mean_s == pytest.approx(10.0, abs=0.01)


def test_the_time_to_the_first_piece_is_kept_where_it_is_known(live):
    call(live, 5.0, first_s=0.5)
    call(live, 5.0)
    assert live.of("acme", "m").first_s == live.overall().first_s == 0.5


def test_models_are_kept_apart_and_counted_together(live):
    call(live, 1.0, model="fast")
    call(live, 3.0, model="slow")
    assert (live.of("acme", "fast").mean_s, live.of("acme", "slow").mean_s) == (1.0, 3.0)
    assert (live.overall().calls, live.overall().mean_s) == (2, 2.0)


def test_after_a_silence_a_model_is_unknown_again(live, clock):
    call(live, 9.0, ok=False)
    clock.now = FORGOTTEN_S
    assert live.of("acme", "m").failures == 1
    clock.now = FORGOTTEN_S + 1
    assert live.of("acme", "m") == UNKNOWN and live.overall() == UNKNOWN
    call(live, 1.0)
    assert (live.of("acme", "m").failures, live.of("acme", "m").mean_s) == (0, 1.0)


def test_names_that_callers_make_up_do_not_fill_the_memory(live, clock, monkeypatch):
    monkeypatch.setattr(module, "MODELS_LIMIT", 3)
    for number in range(5):
        clock.now = number
        call(live, 1.0, model=f"m{number}")
    assert [live.of("acme", f"m{number}").calls for number in range(5)] == [0, 0, 1, 1, 1]


@given(st.lists(SECONDS, max_size=WINDOW + 40))
def test_the_p95_is_the_nearest_rank_of_the_last_successes(seconds):
    live = LiveStatistics(Clock())
    for one in seconds:
        call(live, one)
    last = sorted(seconds[-WINDOW:])
    expected = last[math.ceil(0.95 * len(last)) - 1] if len(last) >= P95_LEAST else None
    assert live.of("acme", "m").p95_s == expected


@given(st.lists(st.tuples(SECONDS, st.sampled_from([True, False, None])), max_size=80))
def test_figures_stay_within_what_was_seen(calls):
    live = LiveStatistics(Clock())
    for seconds, ok in calls:
        call(live, seconds, ok)
    stats, took = live.of("acme", "m"), [seconds for seconds, ok in calls if ok]
    assert stats.calls - stats.failures == len(took) and 0 <= stats.success_rate <= 1
    assert (stats.mean_s is None) is (not took)
    if stats.mean_s is not None:
        assert min(took) - 1e-9 <= stats.mean_s <= max(took) + 1e-9


def test_slow_is_beyond_the_p95_and_where_a_few_calls_hang_beyond_three_medians(live):
    for _ in range(18):
        call(live, 0.1)
    call(live, 0.2)
    assert live.of("acme", "m").slow_s is None, "too few are known"
    call(live, 0.2)
    assert live.of("acme", "m").slow_s == live.of("acme", "m").p95_s == 0.2
    for _ in range(4):
        call(live, 30.0)
    assert (live.of("acme", "m").p95_s, live.of("acme", "m").slow_s) == (30.0, pytest.approx(0.3))
