"""What a caller may say about a model call: which model, how to choose it, how to ask it. Everything has a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from workers.gateway.types import Effort, Lifetime


@dataclass(frozen=True)
class Options:
    """
    Args:
        tier, model, provider: see routing.choose; a model goes before a tier.
        strategy: how candidates are put in order; None is the catalogue's own.
        max_tokens: of the completion, where that is less than the settings allow.
        schema, effort, cache, temperature: see ModelRequest.
        hedge: ask the next candidate too when the first takes long.
        hedge_s: after so long; None is the model's own p95, 0 asks both at once.
        timeout_s: of each call.
        use_cache: an earlier answer may serve, and this one is kept.
    """

    tier: str | None = None
    model: str | None = None
    provider: str | None = None
    strategy: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    effort: Effort | None = None
    cache: Lifetime | None = None
    hedge: bool = False
    hedge_s: float | None = None
    timeout_s: float | None = None
    use_cache: bool = True

    @classmethod
    def of_task(cls, context: Mapping[str, Any]) -> Options:
        """From what a task was submitted with, under the names that clients know."""

        def named(name: str) -> str | None:
            value = context.get(name)
            return value if isinstance(value, str) and value else None

        return cls(
            tier=named("model_tier"),
            model=named("model_override"),
            provider=named("provider_override"),
            strategy=named("routing_strategy"),
            hedge=context.get("enable_hedging") in (True, "true", "1"),
            use_cache=context.get("use_cache", True) is not False,
        )

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Options:
        """From a step's `options`, which were checked when they came in."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in told.items() if name in names})
