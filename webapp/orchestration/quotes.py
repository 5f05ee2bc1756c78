"""Quotes a task before it runs: its shape, the catalogue's prices, and the tenant's own history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from webapp.agent_tasks.history import ended_like
from webapp.catalogue.prices import token_price
from webapp.common.values import JSON
from webapp.orchestration import complexity, quoting, shapes
from webapp.orchestration.quoting import Base, Past, Quote
from webapp.orchestration.shapes import Shape

SAME, OTHERS = 200, 20  # ended tasks that are read: of the same class, and of each other one of its kind
TIERS = ("small", "medium", "large", "named", "usual")


@dataclass(frozen=True)
class Wish:
    """Which model is asked for."""

    tier: str | None = None
    model: str | None = None
    provider: str | None = None


def quote_task(tenant: UUID, *, query: str, mode: str, context: JSON, files: int) -> Quote:
    """Outside of any scope or within the tenant's; one statement."""
    wish = Wish(*(_named(context, name) for name in ("model_tier", "model_override", "provider_override")))
    way = "plan" if "plan" in context else mode
    return _quote(tenant, _base("task", way, mode, wish, shapes.of_task(query, mode, context, files)))


def quote_completion(tenant: UUID, asked: JSON) -> Quote:
    """Args: asked: the step's input."""
    return _quote(tenant, completion_base(asked))


def completion_base(asked: JSON) -> Base:
    """Without a look at history: a completion is written with it, and must not wait for that."""
    options = asked["options"]
    wish = Wish(*(_named(options, name) for name in ("tier", "model", "provider")))
    most = options.get("max_tokens")
    return replace(_base("completion", "", "simple", wish, shapes.of_completion(asked)), completion_limit=most)


def _base(kind: str, way: str, mode: str, wish: Wish, shape: Shape) -> Base:
    price = token_price(tier=wish.tier or complexity.TIERS[mode], model=wish.model, provider=wish.provider)
    return Base(
        kind=kind,
        mode=way,
        tier="named" if wish.model else wish.tier if wish.tier in TIERS else "usual",
        calls=shape.calls,
        prompt_tokens=shape.prompt_tokens,
        completion_tokens=shape.completion_tokens,
        duration_s=shape.duration_s,
        input_usd=price.input_usd if price else None,
        output_usd=price.output_usd if price else None,
    )


def _quote(tenant: UUID, base: Base) -> Quote:
    return quoting.quote(base, [_past(row) for row in ended_like(tenant, _classes(base))])


def _classes(base: Base) -> dict[str, int]:
    """All of its kind, its own first and most of it."""
    ways = [""] if base.kind == "completion" else [*complexity.AGENTS, "plan"]
    return {f"{base.kind}/{way}/{tier}": OTHERS for way in ways for tier in TIERS} | {base.name: SAME}


def _past(row: JSON) -> Past:
    return Past(**{**row, "base": Base.of(row["base"])})


def _named(wishes: Mapping[str, Any], name: str) -> str | None:
    value = wishes.get(name)
    return value if isinstance(value, str) and value else None
