"""Which model answers? Pure: the catalogue and a wish in, candidates in order of preference out."""

from __future__ import annotations

from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import NoModel
from workers.gateway.types import ModelChoice


def choose(catalogue: Catalogue, tier: str, *, override: str | None = None) -> list[ModelChoice]:
    """
    Models of configured providers; `offline` only when there is no other.

    Args:
        override: a model by name; it is taken from the first configured provider that isn't offline.
    Raises:
        NoModel: the tier has no model of a configured provider. PriceUnknown.
    """
    usable = [(p, m) for p, m in catalogue.tiers.get(tier, []) if catalogue.providers[p].configured]
    connected = [(p, m) for p, m in usable if p != "offline"]
    if override and connected:
        return [catalogue.choice(connected[0][0], override, tier)]
    if not usable:
        raise NoModel(f"No model is configured for the tier {tier}")
    return [catalogue.choice(provider, model, tier) for provider, model in connected or usable]
