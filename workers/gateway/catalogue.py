"""The catalogue of providers, models and prices: checked when read, read again when its file changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
import yaml
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from pydantic import ValidationError

from workers.gateway.entries import MILLION, Entries, ListedPrice, Model, Pick, Provider
from workers.gateway.errors import CatalogueInvalid, PriceUnknown
from workers.gateway.overrides import apply_environment
from workers.gateway.types import ModelChoice, Price, Usage

log = structlog.get_logger()


@dataclass(frozen=True)
class Catalogue:
    """The file as it was at one moment."""

    providers: Mapping[str, Provider]
    tiers: Mapping[str, list[Pick]]

    @classmethod
    def load(cls, path: Path, environ: Mapping[str, str]) -> Catalogue:
        """
        Raises:
            CatalogueInvalid: names the key that is missing or odd.
        """
        raw = _read(path)
        sources = apply_environment(raw, environ)
        try:
            entries = Entries.model_validate(raw)
        except ValidationError as error:
            raise CatalogueInvalid(f"{path.name}: {_explained(error, sources)}") from None
        catalogue = cls(entries.providers, dict(entries.tiers))
        catalogue._check_picks(path.name)
        return catalogue

    def price_of(self, provider: str, model: str) -> Price:
        """
        Raises:
            PriceUnknown: neither the catalogue nor genai-prices knows the model.
        """
        entry = self.providers[provider]
        listed = entry.models.get(model, Model()).price
        if listed:
            return _listed(listed)
        if entry.prices_from:
            try:
                return _looked_up(entry.prices_from, model)
            except LookupError:
                pass
        raise PriceUnknown(
            f"No price is known for {model} of {provider}, so it is not called. Set it, in USD per million tokens: "
            f"CONFIG__PROVIDERS__{provider.upper()}__MODELS="
            f"'{{\"{model}\": {{price: {{input: 0, output: 0}}}}}}'"
        )

    def choice(self, provider: str, model: str, tier: str) -> ModelChoice:
        """
        A model that the catalogue doesn't list is taken to be able to do everything, in short answers.

        Raises:
            PriceUnknown.
        """
        known = self.providers[provider].models.get(model, Model())
        return ModelChoice(
            provider=provider,
            model=model,
            tier=tier,
            price=self.price_of(provider, model),
            max_output_tokens=known.max_output_tokens,
            capabilities=frozenset(known.capabilities),
            context_tokens=known.context_tokens,
        )

    def _check_picks(self, file: str) -> None:
        for tier, picks in self.tiers.items():
            for number, pick in enumerate(picks):
                key = f"{file}: tiers.{tier}.{number}"
                if pick.provider not in self.providers:
                    raise CatalogueInvalid(f"{key}.provider: there is no provider {pick.provider}")
                if pick.model not in self.providers[pick.provider].models:
                    raise CatalogueInvalid(f"{key}.model: {pick.provider} has no {pick.model} under models")


class CatalogueFile:
    """The file, followed. Its first version must be right; a later one that isn't is logged and passed over."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        """
        Raises:
            CatalogueInvalid.
        """
        self._path, self._environ = path, environ
        self._seen = self._stamp()
        self._current = Catalogue.load(path, environ)

    def current(self) -> Catalogue:
        """Costs a look at the file's time; it is read only when that has changed."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            self._reload()
        return self._current

    def _reload(self) -> None:
        try:
            self._current = Catalogue.load(self._path, self._environ)
        except CatalogueInvalid as error:
            log.error("catalogue.rejected", error=str(error))
        else:
            log.info("catalogue.reloaded", providers=len(self._current.providers))

    def _stamp(self) -> tuple[int, int] | None:
        """None while an editor has the file away."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueInvalid(f"{path.name} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueInvalid(f"{path.name} is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise CatalogueInvalid(f"{path.name} must be a mapping with providers and tiers")
    return raw


def _explained(error: ValidationError, sources: Mapping[tuple[str, ...], str]) -> str:
    """Key and rule of each mistake, never the value: it may be a secret."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}{_source(item['loc'], sources)}: {item['msg']}" for item in error.errors()
    )


def _source(key: tuple[int | str, ...], sources: Mapping[tuple[str, ...], str]) -> str:
    names = [name for path, name in sources.items() if key[: len(path)] == path]
    return f" (from {names[-1]})" if names else ""


def _listed(price: ListedPrice) -> Price:
    kinds = (price.cached, price.cache_write, price.cache_write_1h)
    return Price(
        price.input / MILLION, price.output / MILLION, *(None if usd is None else usd / MILLION for usd in kinds)
    )


@dataclass(frozen=True)
class LookedUpPrice(Price):
    """Where long prompts cost more per token, holds are at the price of a long one, and the bill is at the real one."""

    provider: str = field(kw_only=True)
    model: str = field(kw_only=True)

    def cost_usd(self, usage: Usage) -> Decimal:
        priced = PricedUsage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        )
        return calc_price(priced, self.model, provider_id=self.provider).total_price


def _looked_up(provider: str, model: str) -> Price:
    million = 1_000_000
    prompt = calc_price(PricedUsage(input_tokens=million), model, provider_id=provider).total_price
    whole = calc_price(
        PricedUsage(input_tokens=million, output_tokens=million), model, provider_id=provider
    ).total_price
    return LookedUpPrice(prompt / MILLION, (whole - prompt) / MILLION, provider=provider, model=model)
