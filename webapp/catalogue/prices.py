"""What a token of the models costs, as workers told it last. For estimates: a call's own price is its worker's."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from webapp.catalogue.selectors import listing
from webapp.common.values import JSON

KEPT_S = 5.0  # so that a request that needs a price does not cost a query
MILLION = 1_000_000


@dataclass(frozen=True)
class TokenPrice:
    """USD per token; of an estimate, hence floats."""

    input_usd: float
    output_usd: float

    @property
    def expected(self) -> float:
        """Of three tokens of prompt and one of answer, as routing compares models."""
        return 3 * self.input_usd + self.output_usd


class _Known:
    """What was told, kept for a while; two threads that ask at once read it twice, which is fine."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._told: JSON | None = None
        self._until = 0.0

    def told(self) -> JSON | None:
        if time.monotonic() >= self._until:
            self._told = listing()
            self._until = time.monotonic() + KEPT_S
        return self._told


_known = _Known()
forget = _known.forget


def token_price(*, tier: str, model: str | None, provider: str | None) -> TokenPrice | None:
    """
    Of the model that is asked first, as far as that can be told beforehand; None when none fits or it has no price.

    Args:
        model: by name; it goes before the tier.
        provider: None: any that is configured.
    """
    told = _known.told()
    if told is None:
        return None
    fitting = [
        (found["tiers"].get(tier, 0), found["price"])
        for found in _models(told, provider)
        if (found["model"] == model if model else tier in found["tiers"])
    ]
    prices = [(place, _price(price)) for place, price in fitting if price]
    if not prices:
        return None
    cheapest = told.get("strategy") == "cost_optimized"
    return min(prices, key=lambda one: one[1].expected if cheapest else one[0])[1]


def _models(told: JSON, provider: str | None) -> list[Any]:
    """Of providers that are configured; the local one answers only when there is no other."""
    able = [p for p in told["providers"] if p["configured"] and provider in (None, p["name"])]
    connected = [p for p in able if not p["local"]]
    return [model for p in connected or able for model in p["models"]]


def _price(price: JSON) -> TokenPrice:
    return TokenPrice(float(price["input"]) / MILLION, float(price["output"]) / MILLION)
