"""What a token costs: as the catalogue lists it, or as genai-prices knows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from workers.gateway.entries import MILLION, ListedPrice
from workers.gateway.types import Price, Usage

LONG = 1_000_000  # tokens of a prompt at the highest price, where long ones cost more


@dataclass(frozen=True)
class LookedUpPrice(Price):
    """
    Where long prompts cost more per token, holds are at the price of a long one, and the bill is at the real one.

    Attributes:
        at: whose prices: some providers charge by the time of day, and a bill must not be above its hold.
    """

    provider: str = field(kw_only=True)
    model: str = field(kw_only=True)
    at: datetime = field(kw_only=True, compare=False)

    def cost_usd(self, usage: Usage) -> Decimal:
        return _cost(
            self.provider,
            self.model,
            self.at,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            cache_write_1h_tokens=usage.cache_write_1h_tokens,
        )


def listed(price: ListedPrice) -> Price:
    kinds = (price.cached, price.cache_write, price.cache_write_1h)
    return Price(
        price.input / MILLION, price.output / MILLION, *(None if usd is None else usd / MILLION for usd in kinds)
    )


def looked_up(provider: str, model: str) -> Price:
    """
    As it is this minute.

    Raises:
        LookupError: genai-prices doesn't know the model.
    """
    return looked_up_at(provider, model, datetime.now(UTC).replace(second=0, microsecond=0))


@lru_cache(maxsize=1024)
def looked_up_at(provider: str, model: str, at: datetime) -> Price:
    def usd(**tokens: int) -> Decimal:
        return _cost(provider, model, at, input_tokens=LONG, **tokens) / LONG

    prompt = usd()
    return LookedUpPrice(
        prompt,
        usd(output_tokens=LONG) - prompt,
        usd(cache_read_tokens=LONG),
        usd(cache_write_tokens=LONG),
        usd(cache_write_tokens=LONG, cache_write_1h_tokens=LONG),
        provider=provider,
        model=model,
        at=at,
    )


@lru_cache(maxsize=1024)  # the same answer's cost is asked for its settlement, its row and its event
def _cost(provider: str, model: str, at: datetime, **tokens: int) -> Decimal:
    usage = PricedUsage(**tokens)
    return calc_price(usage, model, provider_id=provider, genai_request_timestamp=at).total_price
