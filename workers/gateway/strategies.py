"""In which order are the models that fit asked? Pure: what they cost and how they have done in, an order out.

The list comes in the catalogue's order of preference, which also decides between equals. See docs/routing.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import get_args

from workers.gateway.entries import Strategy
from workers.gateway.errors import NoModel
from workers.gateway.statistics import UNKNOWN, ModelStats
from workers.gateway.types import ModelChoice, Price, Usage

StatsOf = Callable[[str, str], ModelStats]
Choices = Sequence[ModelChoice]

TYPICAL_COMPLETION = 1024
PROMPT_PER_COMPLETION = 3
EXPLORED = 3  # calls after which a model's latency counts as known
LEAST_FACTOR = 0.1  # the dearest and the fullest keep a tenth of their score


def nothing_known(provider: str, model: str) -> ModelStats:
    return UNKNOWN


@dataclass(frozen=True)
class Situation:
    """
    Args:
        load: of a provider, by name: calls in flight as a share of those it may have at once.
        turn: counts choices, for taking turns.
        prompt_tokens: an estimate; 0 is not known.
    """

    stats: StatsOf = nothing_known
    load: Callable[[str], float] = lambda provider: 0.0
    turn: int = 0
    prompt_tokens: int = 0


def in_order(choices: Choices, strategy: str, situation: Situation) -> list[ModelChoice]:
    """
    All of them, the one to ask first at the head.

    Raises:
        NoModel: there is no such strategy.
    """
    order = ORDERS.get(strategy)
    if order is None:
        raise NoModel(f"There is no strategy {strategy}, only {', '.join(get_args(Strategy))}")
    return order(choices, situation)


def expected_usd(price: Price, prompt_tokens: int) -> Decimal:
    """
    What a call with a prompt of about that length costs, when it is answered with a token for three of prompt. Lengths
    are rounded down to a power of two of answers, so that prices which rise with the length are looked at rarely.
    """
    completion = max(1, prompt_tokens // PROMPT_PER_COMPLETION) if prompt_tokens else TYPICAL_COMPLETION
    return _cost(price, 1 << (completion.bit_length() - 1))


def scores(choices: Choices, situation: Situation) -> list[float]:
    """
    Of each: 1/place x max(0.1, 1 - cost/dearest) x success rate / (1 + mean latency in s) x max(0.1, 1 - load).
    A latency that is not known counts as none, so a new model is soon tried.
    """
    costs = [float(expected_usd(choice.price, situation.prompt_tokens)) for choice in choices]
    dearest = max(costs) or 1.0
    return [
        1 / place * _factor(cost / dearest) * _speed(choice, situation) * _factor(situation.load(choice.provider))
        for place, (choice, cost) in enumerate(zip(choices, costs, strict=True), start=1)
    ]


def _cost_optimized(choices: Choices, situation: Situation) -> list[ModelChoice]:
    return sorted(choices, key=lambda choice: expected_usd(choice.price, situation.prompt_tokens))


def _performance(choices: Choices, situation: Situation) -> list[ModelChoice]:
    """First those of which too little is known, for a few calls; last those that have never answered."""

    def latency(choice: ModelChoice) -> tuple[int, float]:
        stats = situation.stats(choice.provider, choice.model)
        if stats.calls + stats.in_flight < EXPLORED:
            return 0, 0.0
        return (2, 0.0) if stats.mean_s is None else (1, stats.mean_s)

    return sorted(choices, key=latency)


def _load_balanced(choices: Choices, situation: Situation) -> list[ModelChoice]:
    first = situation.turn % len(choices)
    return [*choices[first:], *choices[:first]]


def _quality(choices: Choices, situation: Situation) -> list[ModelChoice]:
    return list(choices)


def _scored(choices: Choices, situation: Situation) -> list[ModelChoice]:
    ranked = sorted(zip(scores(choices, situation), choices, strict=True), key=lambda pair: -pair[0])
    return [choice for _, choice in ranked]


ORDERS: Mapping[str, Callable[[Choices, Situation], list[ModelChoice]]] = {
    "cost_optimized": _cost_optimized,
    "performance": _performance,
    "load_balanced": _load_balanced,
    "quality": _quality,
    "scored": _scored,
}


@lru_cache(maxsize=4096)
def _cost(price: Price, completion: int) -> Decimal:
    return price.cost_usd(Usage(PROMPT_PER_COMPLETION * completion, completion))


def _speed(choice: ModelChoice, situation: Situation) -> float:
    stats = situation.stats(choice.provider, choice.model)
    return stats.success_rate / (1 + (stats.mean_s or 0.0))


def _factor(share: float) -> float:
    return max(LEAST_FACTOR, 1 - share)
