"""Each strategy has one law of order, keeps all candidates, and leaves equals in the catalogue's order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.errors import NoModel
from workers.gateway.statistics import UNKNOWN, ModelStats
from workers.gateway.strategies import EXPLORED, ORDERS, Situation, expected_usd, in_order, scores
from workers.gateway.types import ModelChoice, Price

NAMES = ["first", "second", "third", "fourth", "fifth"]
PRICES = st.integers(0, 20).map(Decimal)
STATS = st.builds(
    ModelStats,
    calls=st.integers(0, 6),
    in_flight=st.integers(0, 3),
    mean_s=st.none() | st.floats(0, 60, allow_nan=False),
    success_rate=st.floats(0, 1, allow_nan=False),
)


def choice(name: str, input_usd: Decimal | int = 1, output_usd: Decimal | int = 1) -> ModelChoice:
    price = Price(Decimal(input_usd), Decimal(output_usd))
    return ModelChoice(provider=name, model="m", tier="small", price=price, max_output_tokens=100)


def known(**stats: ModelStats) -> Situation:
    return Situation(stats=lambda provider, model: stats.get(provider, UNKNOWN))


def names(choices: list[ModelChoice]) -> list[str]:
    return [one.provider for one in choices]


@st.composite
def choice_lists(draw: st.DrawFn) -> list[ModelChoice]:
    return [choice(name, draw(PRICES), draw(PRICES)) for name in NAMES[: draw(st.integers(1, len(NAMES)))]]


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    stats = {name: draw(STATS) for name in NAMES}
    loads = {name: draw(st.floats(0, 2, allow_nan=False)) for name in NAMES}
    turn, prompt_tokens = draw(st.integers(0, 99)), draw(st.integers(0, 200_000))
    return Situation(lambda provider, model: stats[provider], loads.__getitem__, turn, prompt_tokens)


@given(choice_lists(), st.sampled_from(sorted(ORDERS)), situations())
def test_every_strategy_keeps_all_candidates_and_is_deterministic(choices, strategy, situation):
    found = in_order(choices, strategy, situation)
    assert sorted(names(found)) == sorted(names(choices))
    assert found == in_order(choices, strategy, situation)


@given(choice_lists(), situations())
def test_cost_optimized_asks_the_cheaper_one_first_and_equals_by_priority(choices, situation):
    found = in_order(choices, "cost_optimized", situation)
    for one, other in pairwise(found):
        costs = [3 * each.price.input_usd + each.price.output_usd for each in (one, other)]
        assert (costs[0], choices.index(one)) < (costs[1], choices.index(other))


@given(choice_lists(), situations())
def test_performance_explores_then_asks_the_fastest_and_last_those_that_never_answered(choices, situation):
    found = in_order(choices, "performance", situation)
    stats = [situation.stats(one.provider, one.model) for one in found]
    new = [one.calls + one.in_flight < EXPLORED for one in stats]
    assert new == sorted(new, reverse=True)
    means = [one.mean_s for one, unexplored in zip(stats, new, strict=True) if not unexplored]
    silent = [mean is None for mean in means]
    assert silent == sorted(silent)
    timed = [mean for mean in means if mean is not None]
    assert timed == sorted(timed)


@given(choice_lists(), situations())
def test_load_balanced_lets_each_be_first_in_turn(choices, situation):
    turns = range(situation.turn, situation.turn + len(choices))
    firsts = [in_order(choices, "load_balanced", replace(situation, turn=turn))[0] for turn in turns]
    assert sorted(names(firsts)) == sorted(names(choices))
    assert firsts[0] == choices[situation.turn % len(choices)]


@given(choice_lists(), situations())
def test_quality_is_the_catalogue_s_order(choices, situation):
    assert in_order(choices, "quality", situation) == choices


@given(choice_lists(), situations())
def test_scored_asks_the_highest_score_first(choices, situation):
    by_name = dict(zip(names(choices), scores(choices, situation), strict=True))
    ranked = [by_name[name] for name in names(in_order(choices, "scored", situation))]
    assert ranked == sorted(ranked, reverse=True) and min(ranked) >= 0


def test_a_score_is_the_product_that_is_documented():
    choices = [choice("first", 4, 4), choice("second", 1, 1)]
    situation = replace(
        known(second=ModelStats(calls=9, mean_s=1.0, success_rate=0.8)),
        load=lambda provider: 0.5 if provider == "second" else 3.0,
    )
    assert scores(choices, situation) == pytest.approx([1 * 0.1 * 1 * 0.1, 1 / 2 * 0.75 * (0.8 / 2) * 0.5])


def test_free_models_are_scored_without_a_division_by_zero():
    assert scores([choice("first", 0, 0), choice("second", 0, 0)], Situation()) == [1.0, 0.5]


def test_a_burst_explores_a_new_model_with_a_few_calls_only():
    fast = ModelStats(calls=50, mean_s=0.5)
    busy = known(first=fast, second=ModelStats(in_flight=EXPLORED))
    assert names(in_order([choice("first"), choice("second")], "performance", known(first=fast))) == ["second", "first"]
    assert names(in_order([choice("first"), choice("second")], "performance", busy)) == ["first", "second"]


def test_a_price_that_rises_with_the_length_counts_at_the_length_of_the_prompt():
    class Rising(Price):
        def cost_usd(self, usage):
            return Decimal(usage.prompt_tokens) * (5 if usage.prompt_tokens > 100_000 else 1)

    flat, rising = choice("flat", 2, 0), replace(choice("rising"), price=Rising(Decimal(5), Decimal(5)))
    short, long = Situation(prompt_tokens=1000), Situation(prompt_tokens=200_000)
    assert names(in_order([flat, rising], "cost_optimized", short)) == ["rising", "flat"]
    assert names(in_order([flat, rising], "cost_optimized", long)) == ["flat", "rising"]


@pytest.mark.parametrize(("prompt_tokens", "counted"), [(0, 3072), (1, 3), (5, 3), (6, 6), (3071, 1536), (3072, 3072)])
def test_lengths_are_rounded_down_so_that_prices_are_looked_at_rarely(prompt_tokens, counted):
    assert expected_usd(Price(Decimal(1), Decimal(0)), prompt_tokens) == counted


def test_a_strategy_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(NoModel, match="no strategy cheapest, only cost_optimized, performance"):
        in_order([choice("first")], "cheapest", Situation())
