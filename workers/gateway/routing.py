"""Which model answers? Pure: the catalogue and a wish in, candidates in order of preference out."""

from __future__ import annotations

from collections.abc import Collection

from workers.gateway.catalogue import Catalogue
from workers.gateway.entries import Pick
from workers.gateway.errors import NoModel
from workers.gateway.types import ModelChoice


def choose(
    catalogue: Catalogue,
    tier: str,
    *,
    override: str | None = None,
    provider: str | None = None,
    needs: Collection[str] = (),
) -> list[ModelChoice]:
    """
    Models of configured providers; `offline` only when there is no other. Never empty.

    Args:
        override: this model and no other. One that the catalogue doesn't list is asked of the first provider.
        provider: this provider and no other.
        needs: what the model must be capable of, e.g. `tools`.
    Raises:
        NoModel: nothing fits; the message tells what to configure.
        PriceUnknown.
    """
    usable = _usable(catalogue, provider)
    picks = _named(catalogue, usable, override) if override else _of_tier(catalogue, usable, tier)
    choices = [catalogue.choice(pick.provider, pick.model, tier) for pick in picks]
    fitting = [choice for choice in choices if choice.capabilities >= set(needs)]
    if not fitting:
        wish = [override or f"the tier {tier}", *([f"at {provider}"] if provider else []), *needs]
        raise NoModel(f"No configured model fits {', '.join(wish)}; {_advice(catalogue)}")
    return fitting


def _usable(catalogue: Catalogue, provider: str | None) -> list[str]:
    """Names of the configured providers, without `offline` when another is configured."""
    names = [n for n, p in catalogue.providers.items() if p.configured and provider in (None, n)]
    connected = [name for name in names if not catalogue.providers[name].local]
    return connected or names


def _of_tier(catalogue: Catalogue, usable: list[str], tier: str) -> list[Pick]:
    return [pick for pick in catalogue.tiers.get(tier, ()) if pick.provider in usable]


def _named(catalogue: Catalogue, usable: list[str], model: str) -> list[Pick]:
    listed = [name for name in usable if model in catalogue.providers[name].models]
    open_ended = [name for name in usable if not catalogue.providers[name].local][:1]
    return [Pick(provider=name, model=model) for name in listed or open_ended]


def _advice(catalogue: Catalogue) -> str:
    names = [n for p in catalogue.providers.values() for n in (p.api_key_env, p.base_url_env) if n]
    return f"providers are configured by {', '.join(names)}"
