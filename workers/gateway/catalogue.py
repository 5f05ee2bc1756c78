"""The catalogue of providers, models and prices: one file, checked when read, each entry overridable by environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price

from workers.gateway.errors import CatalogueInvalid, PriceUnknown
from workers.gateway.types import ModelChoice, Price

MILLION = Decimal(1_000_000)
OVERRIDE = "CONFIG__"  # CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE=60


@dataclass(frozen=True)
class Provider:
    """`failures` in a row open the breaker; after `recovery_s` one probe may close it."""

    name: str
    protocol: str
    configured: bool
    requests_per_minute: int
    concurrency: int
    failures: int
    recovery_s: float


@dataclass(frozen=True)
class Catalogue:
    providers: Mapping[str, Provider]
    tiers: Mapping[str, list[tuple[str, str]]]
    models: Mapping[str, Mapping[str, Any]]
    prices: Mapping[str, Price]
    environ: Mapping[str, str]

    @classmethod
    def load(cls, path: Path, environ: Mapping[str, str]) -> Catalogue:
        """
        Raises:
            CatalogueInvalid: names the key that is missing or odd.
        """
        raw = _overridden(yaml.safe_load(path.read_text()), environ)
        try:
            return cls(
                providers={name: _provider(name, body, environ) for name, body in raw["providers"].items()},
                tiers={t: [(e["provider"], e["model"]) for e in entries] for t, entries in raw["tiers"].items()},
                models=raw["models"],
                prices={name: _price(body) for name, body in raw["prices"].items()},
                environ=environ,
            )
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise CatalogueInvalid(f"{path.name}: {type(error).__name__}: {error}") from None

    def price_of(self, provider: str, model: str) -> Price:
        """
        Raises:
            PriceUnknown: neither the catalogue nor genai-prices knows the model.
        """
        own = self.prices.get(f"{provider}/{model}")
        if own:
            return own
        try:
            return Price(
                input_usd=_unit_price(provider, model, input_tokens=1_000_000),
                output_usd=_unit_price(provider, model, output_tokens=1_000_000),
            )
        except LookupError:
            raise PriceUnknown(f"No price is known for {provider}/{model}; add it under prices in the catalogue") from None

    def choice(self, provider: str, model: str, tier: str) -> ModelChoice:
        known = self.models.get(model, {})
        return ModelChoice(
            provider=provider,
            model=model,
            tier=tier,
            price=self.price_of(provider, model),
            max_output_tokens=int(known.get("max_output_tokens", 4096)),
            capabilities=frozenset(known.get("capabilities", ())),
        )


def _unit_price(provider: str, model: str, **tokens: int) -> Decimal:
    return calc_price(PricedUsage(**tokens), model, provider_id=provider).total_price / MILLION


def _price(body: Mapping[str, Any]) -> Price:
    return Price(Decimal(str(body["input"])) / MILLION, Decimal(str(body["output"])) / MILLION)


def _provider(name: str, body: Mapping[str, Any], environ: Mapping[str, str]) -> Provider:
    needs = body["needs"]
    return Provider(
        name=name,
        protocol=body["protocol"],
        configured=not needs or any(environ.get(need) for need in needs),
        requests_per_minute=int(body["requests_per_minute"]),
        concurrency=int(body["concurrency"]),
        failures=int(body["breaker"]["failures"]),
        recovery_s=float(body["breaker"]["recovery_s"]),
    )


def _overridden(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    for name, value in environ.items():
        if name.startswith(OVERRIDE):
            *path, last = name[len(OVERRIDE) :].lower().split("__")
            place: Any = raw
            for key in path:
                place = place.get(key) if isinstance(place, dict) else None
            if not isinstance(place, dict):
                raise CatalogueInvalid(f"{name}: the catalogue has no {'.'.join(path)}")
            place[last] = yaml.safe_load(value)
    return raw
