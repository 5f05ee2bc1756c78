"""What a model server's own log comes to, by the providers' prices as genai-prices has them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from genai_prices import Usage, calc_price


def price_usd(model: str, *, prompt: int, completion: int, cached: int = 0, written: int = 0, hour: int = 0) -> Decimal:
    """Of one call. `cached` and `written` are among the prompt's tokens, `hour` among those written."""
    usage = Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=hour,
    )
    provider = "anthropic" if model.startswith("claude") else "openai"
    return calc_price(usage, model, provider_id=provider).total_price


def entry_usd(entry: dict[str, Any]) -> Decimal:
    """Of a request in the server's log; one that was not answered costs nothing."""
    usage = entry["usage"]
    if usage is None:
        return Decimal(0)
    return price_usd(
        entry["model"],
        prompt=usage["prompt_tokens"],
        completion=0 if entry["model"].startswith("text-embedding") else usage["completion_tokens"],
        cached=usage.get("cached_tokens", usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)),
        written=usage.get("cache_write_tokens", 0),
        hour=usage.get("cache_write_1h_tokens", 0),
    )


def log_usd(log: Sequence[dict[str, Any]]) -> Decimal:
    return sum(map(entry_usd, log), Decimal(0))
