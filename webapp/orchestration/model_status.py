"""How a tenant's models do: the catalogue, its own keys, what is frozen, and what the ledger says of their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from uuid import UUID

from webapp.budgets.calls import Calls, calls_by_provider, calls_by_tier
from webapp.catalogue.provider_keys import keys_of
from webapp.catalogue.selectors import listing
from webapp.common.values import JSON
from webapp.decisions.models import FreezeKind
from webapp.decisions.selectors import freezes_in_force

TIERS = ("small", "medium", "large")
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1)}


@dataclass(frozen=True)
class ProviderStatus:
    """
    Attributes:
        frozen: its models that are.
        models: as listed, see docs/catalogue.md; none when the catalogue does not know it any more.
    """

    name: str
    configured: bool
    own_key: bool
    frozen: Sequence[str]
    calls: Calls
    models: Sequence[JSON]

    @property
    def usable(self) -> bool:
        return self.configured or self.own_key


@dataclass(frozen=True)
class TierShare:
    """Of all calls, and what it is meant to be, 0 to 1."""

    name: str
    calls: int
    share: float
    target: float


@dataclass(frozen=True)
class ModelStatus:
    """
    Attributes:
        revision: of the catalogue; "" before the first worker has told its own.
        providers: those with the most calls first, then those that may be called.
    """

    revision: str
    providers: Sequence[ProviderStatus]
    shares: Sequence[TierShare]

    def to_json(self) -> JSON:
        return {
            "revision": self.revision,
            "tiers": [asdict(share) for share in self.shares],
            "providers": [_told(provider) for provider in self.providers],
        }


def model_status(tenant: UUID, within: timedelta) -> ModelStatus:
    """Within the tenant's scope."""
    told = listing() or {"revision": "", "providers": [], "shares": {}}
    own = {key.provider for key in keys_of(tenant)}
    frozen = _frozen(tenant)
    calls = calls_by_provider(tenant, within)
    known = {provider["name"]: provider for provider in told["providers"]}
    providers = [
        ProviderStatus(
            name=name,
            configured=bool(known.get(name, {}).get("configured")),
            own_key=name in own,
            frozen=frozen.get(name, []),
            calls=calls.get(name, Calls()),
            models=known.get(name, {}).get("models", []),
        )
        for name in sorted(known.keys() | calls.keys() | own)
    ]
    providers.sort(key=lambda provider: (-provider.calls.number, not provider.usable))
    return ModelStatus(told["revision"], providers, _shares(calls_by_tier(tenant, within), told["shares"]))


def _frozen(tenant: UUID) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for freeze in freezes_in_force(tenant):
        if freeze.kind == FreezeKind.MODEL:
            provider, _, model = freeze.subject.partition("/")
            found.setdefault(provider, []).append(model)
    return found


def _shares(calls: Mapping[str, int], targets: Mapping[str, int]) -> list[TierShare]:
    total = sum(calls.get(tier, 0) for tier in TIERS) or 1
    return [
        TierShare(tier, calls.get(tier, 0), calls.get(tier, 0) / total, targets.get(tier, 0) / 100) for tier in TIERS
    ]


def _told(provider: ProviderStatus) -> JSON:
    calls = provider.calls
    return {
        **asdict(provider),
        "calls": {**asdict(calls), "usd": str(calls.usd), "success_rate": calls.success_rate},
    }
