"""When models do badly less is asked of them: never more at a worse level, and the event says what and why."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway import degradation as module
from workers.gateway.degradation import (
    MODES,
    TIERS,
    Level,
    Signs,
    Thresholds,
    degraded_mode,
    degraded_tier,
    enough,
    explained,
    level_of,
)

SIGNS = st.builds(
    Signs,
    open_breakers=st.integers(0, 5),
    error_rate=st.floats(0, 1, allow_nan=False),
    first_s=st.none() | st.floats(0, 20, allow_nan=False),
)
LEVELS = st.sampled_from(Level)


@pytest.mark.parametrize(
    ("signs", "level"),
    [
        (Signs(), "none"),
        (Signs(open_breakers=1), "minor"),
        (Signs(open_breakers=2), "moderate"),
        (Signs(open_breakers=3), "severe"),
        (Signs(error_rate=0.049), "none"),
        (Signs(error_rate=0.05), "minor"),
        (Signs(error_rate=0.15), "moderate"),
        (Signs(error_rate=0.3), "severe"),
        (Signs(first_s=0.99), "none"),
        (Signs(first_s=1.0), "minor"),
        (Signs(first_s=2.0), "moderate"),
        (Signs(first_s=5.0), "severe"),
        (Signs(open_breakers=1, error_rate=0.4, first_s=2.5), "severe"),
    ],
)
def test_the_worst_sign_decides_and_an_unknown_latency_does_not_count(signs, level):
    assert str(level_of(signs)) == level


@pytest.mark.parametrize(
    ("level", "modes", "tiers"),
    [
        (Level.NONE, ["simple", "standard", "complex", "supervisor"], ["small", "medium", "large"]),
        (Level.MINOR, ["simple", "standard", "complex", "complex"], ["small", "medium", "large"]),
        (Level.MODERATE, ["simple", "simple", "standard", "standard"], ["small", "medium", "medium"]),
        (Level.SEVERE, ["simple"] * 4, ["small"] * 3),
    ],
)
def test_each_level_has_its_modes_and_tiers(level, modes, tiers):
    assert [degraded_mode(mode, level) for mode in MODES] == modes
    assert [degraded_tier(tier, level) for tier in TIERS] == tiers
    assert degraded_mode("dag", level) == "dag"


@given(SIGNS, SIGNS)
def test_worse_signs_never_mean_a_better_level(one, other):
    worse = Signs(
        max(one.open_breakers, other.open_breakers),
        max(one.error_rate, other.error_rate),
        max(one.first_s or 0, other.first_s or 0),
    )
    assert level_of(worse) == max(level_of(one), level_of(other))


@given(LEVELS, LEVELS, st.sampled_from(MODES), st.sampled_from(MODES))
def test_a_mode_never_rises_with_the_level_nor_passes_one_above_it(level, other, mode, above):
    def rank(mode: str, level: Level) -> int:
        return MODES.index(degraded_mode(mode, level))

    assert rank(mode, max(level, other)) <= rank(mode, min(level, other)) <= MODES.index(mode)
    assert MODES.index(mode) > MODES.index(above) or rank(mode, level) <= rank(above, level)


@given(LEVELS, LEVELS, st.sampled_from(TIERS), st.sampled_from(TIERS))
def test_a_tier_never_rises_with_the_level_nor_passes_one_above_it(level, other, tier, above):
    def rank(tier: str, level: Level) -> int:
        return TIERS.index(degraded_tier(tier, level))

    assert rank(tier, max(level, other)) <= rank(tier, min(level, other)) <= TIERS.index(tier)
    assert TIERS.index(tier) > TIERS.index(above) or rank(tier, level) <= rank(above, level)


@pytest.mark.parametrize(
    ("mode", "least", "total"),
    [("simple", 1, 1), ("simple", 3, 3), ("standard", 2, 4), ("complex", 3, 5), ("supervisor", 3, 5), ("dag", 2, 5)],
)
def test_an_answer_needs_a_share_of_the_parts_that_depends_on_the_mode(mode, least, total):
    assert enough(mode, least, total) and not enough(mode, least - 1, total)


@given(st.sampled_from([*MODES, "dag"]), st.integers(0, 50), st.integers(0, 50))
def test_all_parts_are_always_enough_and_none_never(mode, succeeded, failed):
    total = succeeded + failed
    assert enough(mode, total, total) is (total > 0)
    assert not enough(mode, 0, total)
    assert not enough(mode, succeeded, total) or enough(mode, succeeded, max(1, total - 1))


@given(SIGNS, st.sampled_from([*MODES, "dag"]), st.sampled_from(TIERS))
def test_an_event_tells_each_change_and_nothing_where_there_is_none(signs, mode, tier):
    level, told = level_of(signs), explained(mode, tier, signs)
    lower_mode, lower_tier = degraded_mode(mode, level), degraded_tier(tier, level)
    assert bool(told) is ((lower_mode, lower_tier) != (mode, tier))
    assert (f"runs as {lower_mode}, not {mode}" in told) is (lower_mode != mode)
    assert (f"on {lower_tier} models, not {tier}" in told) is (lower_tier != tier)
    assert not told or told.startswith(f"Degraded ({level}): ")


def test_the_reasons_are_those_that_make_up_the_level_with_their_limits():
    told = explained("supervisor", "large", Signs(open_breakers=1, error_rate=0.31, first_s=6.04))
    assert told == (
        "Degraded (severe): runs as simple, not supervisor; on small models, not large; "
        "as 31% of the calls fail (limit 30%) and answers begin after 6.0 s (limit 5 s)"
    )
    assert explained("supervisor", "small", Signs(open_breakers=1)).endswith("; as 1 breaker is open (limit 1)")
    assert doctest.testmod(module) == (0, 1)


def test_thresholds_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="error_rate must rise"):
        Thresholds(error_rate=(0.3, 0.1, 0.5))
    assert level_of(Signs(first_s=7.0), Thresholds(first_s=(10, 20, 30))) == Level.NONE
