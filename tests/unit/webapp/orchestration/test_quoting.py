"""Quotes: quantiles of what others like it took, laid over the task's own shape."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.orchestration.quoting import (
    COLD_SPREAD,
    LEAST,
    Base,
    Past,
    Quote,
    dollars,
    quote,
    rank_of_p95,
    scenario,
    why_over,
)

BASE = Base("task", "simple", "small", 2, 1000, 500, 10.0, 1e-6, 4e-6)
NUMBERS = st.integers(1, 10**6)


def took(times: float, base: Base = BASE, *, duration_s: float | None = 10.0) -> Past:
    prompt, completion = round(base.prompt_tokens * times), round(base.completion_tokens * times)
    usd = base.usd(prompt, completion)
    return Past(base, prompt, completion, usd or 0.0, None if duration_s is None else duration_s * times)


def ceiling_of(quoted: Quote) -> float:
    assert quoted.cost_usd
    return quoted.cost_usd.p95


def test_without_history_it_is_the_shape_with_a_stated_spread() -> None:
    cold = quote(BASE, [])
    assert cold.cost_usd and cold.cost_usd.p50 == pytest.approx(0.003)
    assert ceiling_of(cold) == pytest.approx(0.003 * COLD_SPREAD)
    assert (cold.tokens.p50, cold.duration_s.p50, cold.tasks) == (1500, 10.0, 0)
    assert cold.told == "from the plan's shape alone; no run like it yet"


def test_too_few_of_a_class_take_in_the_wider_one() -> None:
    large = replace(BASE, tier="large")
    few, others = [took(2)] * (LEAST - 1), [took(1, large)] * LEAST
    assert quote(BASE, few).of == ""
    assert quote(BASE, [*few, *others]).of == "task/simple/*"
    assert quote(BASE, [*few, took(2), *others]).of == "task/simple/small"
    complex_ = replace(BASE, mode="complex")
    assert quote(complex_, others).of == "task/*/*" and quote(replace(BASE, kind="completion"), others).of == ""


def test_what_a_longer_prompt_costs_is_taken_from_its_own_length() -> None:
    """The same answers after a prompt of ten times the length cost more by the prompt alone."""
    long = replace(BASE, prompt_tokens=10_000)
    told = quote(long, [took(1)] * 30)
    assert told.cost_usd and told.cost_usd.p50 == pytest.approx(10_000 * 1e-6 + 500 * 4e-6)


def test_what_is_in_every_prompt_is_told_from_what_the_caller_says() -> None:
    """Of a shape that expects too much of our part: prompts of 100 and 3,000 tokens of the caller's are both met."""
    short, long = (replace(BASE, prompt_tokens=1200 + asked) for asked in (100, 3000))
    took = [Past(short, 500, 500, 0.0025, 1.0), Past(long, 3400, 500, 0.0054, 1.0)] * 20
    for base, tokens in ((short, 500), (long, 3400), (replace(BASE, prompt_tokens=2200), 1400)):
        told = quote(base, took).tokens
        assert told.p50 == pytest.approx(tokens + 500, rel=0.1) and told.p95 == pytest.approx(tokens + 500, rel=0.1)


def test_what_a_cache_saved_before_is_expected_again() -> None:
    cheap = [replace(one, usd=one.usd / 2) for one in [took(1)] * 30]
    told = quote(BASE, cheap)
    assert told.cost_usd and told.cost_usd.p50 == pytest.approx(0.0015)


def test_an_answer_is_no_longer_than_the_caller_lets_it_be() -> None:
    limited = replace(BASE, completion_limit=600)
    assert scenario(limited, took(4)).tokens == 4000 + 600


def test_tasks_that_were_not_completed_say_nothing_of_time() -> None:
    told = quote(BASE, [took(5, duration_s=None)] * 30)
    assert told.cost_usd and told.cost_usd.p50 == pytest.approx(0.015)
    assert told.duration_s.p50 == BASE.duration_s and told.duration_s.p95 == BASE.duration_s * COLD_SPREAD


def test_without_a_price_there_is_no_cost_and_a_ceiling_waits() -> None:
    unknown = quote(replace(BASE, input_usd=None, output_usd=None), [took(1)] * 30)
    assert unknown.cost_usd is None and unknown.to_json()["cost_usd"] is None
    assert "No price is known" in str(why_over(unknown, 1.0))


@given(st.lists(st.floats(0.01, 100), min_size=0, max_size=200), st.floats(0.0001, 1))
def test_a_quote_is_in_order_and_a_ceiling_waits_exactly_below_p95(times: list[float], ceiling_usd: float) -> None:
    told = quote(BASE, [took(one) for one in times])
    for figure in (told.cost_usd, told.tokens, told.duration_s):
        assert figure and 0 <= figure.p50 <= figure.p95
    assert (why_over(told, ceiling_usd) is not None) == (ceiling_of(told) > ceiling_usd)
    assert told.tasks == (0 if len(times) < LEAST else max(100, len(times) // 2) if len(times) > 100 else len(times))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.floats(0, 100), st.floats(0, 1000))
def test_a_task_like_one_before_is_expected_to_take_what_that_took(
    prompt: int, completion: int, base_prompt: int, base_completion: int, usd: float, duration_s: float
) -> None:
    base = replace(BASE, prompt_tokens=base_prompt, completion_tokens=base_completion)
    past = Past(base, prompt, completion, usd, duration_s)
    told = scenario(base, past)
    assert told.tokens == pytest.approx(prompt + completion) and told.usd == pytest.approx(usd)
    assert quote(base, [past] * LEAST).duration_s.p50 == pytest.approx(duration_s)


def test_time_is_told_by_the_newest_tasks() -> None:
    slower = [replace(took(times), ended_s=at) for at, times in enumerate([1] * 100 + [3] * 60)]
    assert quote(BASE, slower[::-1]).duration_s.p50 == 30.0


@given(st.integers(LEAST, 400))
def test_p95_is_at_least_the_rank_of_split_conformal_prediction(n: int) -> None:
    rank = rank_of_p95(n)
    assert rank == n or (n + 1) * 0.95 <= rank < n


@pytest.mark.parametrize("n", [30, 100, 400])
def test_p95_covers_95_percent_of_what_comes(n: int) -> None:
    """Of what is drawn from the same heavy-tailed distribution, by many histories."""
    draw = Random(n)
    covered = []
    for _ in range(150):
        past = sorted(draw.lognormvariate(0, 1) for _ in range(n))
        p95 = past[rank_of_p95(n) - 1]
        covered.append(mean(draw.lognormvariate(0, 1) <= p95 for _ in range(100)))
    assert 0.95 <= mean(covered) < 0.99


def test_money_shows_two_figures_that_count() -> None:
    assert [dollars(usd) for usd in (0, 12, 0.12, 0.0312, 0.00042)] == [
        "$0.00",
        "$12.00",
        "$0.12",
        "$0.031",
        "$0.00042",
    ]


def test_it_says_from_what_it_was_made() -> None:
    assert quote(BASE, [took(1)] * 30).told == "from the last 30 simple tasks of the tier small of your own"
    body = quote(BASE, [took(1)] * 30).to_json()
    assert body["basis"]["class"] == "task/simple/small" and Base.of(body["base"]) == BASE
