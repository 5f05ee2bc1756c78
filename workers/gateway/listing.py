"""What a page or the API may know of the catalogue: everything but keys and addresses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from workers.gateway.entries import MILLION, Model, Pick, Provider
from workers.gateway.errors import PriceUnknown

if TYPE_CHECKING:
    from workers.gateway.catalogue import Catalogue


class ListedUsd(TypedDict):
    """USD per million tokens, e.g. `{"input": "2.5", "output": "10", "cached": "1.25", ...}`; None: as input."""

    input: str
    output: str
    cached: str | None
    cache_write: str | None
    cache_write_1h: str | None


class ListedModel(TypedDict):
    """
    E.g. `{"model": "gpt-4o", "protocol": "openai", "tiers": {"medium": 1, "large": 3}, ...}`.

    Attributes:
        tiers: its place in each list that it stands in, from 1; "embeddings" is such a list too.
        price: of a long prompt, where those cost more; None is not known, so it is not called.
    """

    model: str
    protocol: str
    tiers: dict[str, int]
    price: ListedUsd | None
    context_tokens: int | None
    max_output_tokens: int
    capabilities: list[str]
    dimensions: int | None


class ListedProvider(TypedDict):
    """E.g. `{"name": "openai", "protocol": "openai", "local": false, "configured": true, "models": [...]}`."""

    name: str
    protocol: str
    local: bool
    configured: bool
    dialect: dict[str, str]
    models: list[ListedModel]


class Listing(TypedDict):
    """E.g. `{"revision": "0f3c...", "strategy": "quality", "shares": {"small": 50, ...}, "providers": [...]}`."""

    revision: str
    strategy: str
    shares: dict[str, int]
    tiers: dict[str, list[dict[str, str]]]
    providers: list[ListedProvider]


def listing_of(catalogue: Catalogue) -> Listing:
    return {
        "revision": catalogue.revision,
        "strategy": catalogue.strategy,
        "shares": catalogue.shares.model_dump(),
        "tiers": {name: [pick.model_dump() for pick in picks] for name, picks in _lists(catalogue)},
        "providers": [_provider(catalogue, name, entry) for name, entry in catalogue.providers.items()],
    }


def _lists(catalogue: Catalogue) -> Iterator[tuple[str, list[Pick]]]:
    yield from ((tier, list(picks)) for tier, picks in catalogue.tiers.items())
    yield "embeddings", list(catalogue.embeddings)


def _provider(catalogue: Catalogue, name: str, entry: Provider) -> ListedProvider:
    return {
        "name": name,
        "protocol": entry.protocol,
        "local": entry.local,
        "configured": entry.configured,
        "dialect": entry.dialect.model_dump(by_alias=True),
        "models": [_model(catalogue, name, entry, model, about) for model, about in entry.models.items()],
    }


def _model(catalogue: Catalogue, provider: str, entry: Provider, name: str, about: Model) -> ListedModel:
    return {
        "model": name,
        "protocol": about.protocol or entry.protocol,
        "tiers": dict(_places(catalogue, Pick(provider=provider, model=name))),
        "price": _price(catalogue, provider, name),
        "context_tokens": about.context_tokens,
        "max_output_tokens": about.max_output_tokens,
        "capabilities": sorted(about.capabilities),
        "dimensions": about.dimensions,
    }


def _places(catalogue: Catalogue, pick: Pick) -> Iterator[tuple[str, int]]:
    return ((name, picks.index(pick) + 1) for name, picks in _lists(catalogue) if pick in picks)


def _price(catalogue: Catalogue, provider: str, model: str) -> ListedUsd | None:
    try:
        price = catalogue.price_of(provider, model)
    except PriceUnknown:
        return None
    kinds = (price.cached_usd, price.cache_write_usd, price.cache_write_1h_usd)
    cached, write, hour = (None if usd is None else format((usd * MILLION).normalize(), "f") for usd in kinds)
    told, answered = (format((usd * MILLION).normalize(), "f") for usd in (price.input_usd, price.output_usd))
    return {"input": told, "output": answered, "cached": cached, "cache_write": write, "cache_write_1h": hour}
