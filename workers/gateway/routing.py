"""Which model answers? Pure: the catalogue and a wish in, candidates in order of preference out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from workers.gateway.catalogue import Catalogue
from workers.gateway.entries import Pick
from workers.gateway.errors import NoModel, PriceUnknown
from workers.gateway.strategies import Situation, StatsOf, in_order, nothing_known
from workers.gateway.types import ModelChoice

LEAST_TOKENS = 64  # an answer shorter than that is no use


@dataclass(frozen=True)
class Wish:
    """What is asked for; see choose."""

    tier: str
    override: str | None = None
    provider: str | None = None
    needs: Collection[str] = ()
    own_keys: Collection[str] = ()
    down: Collection[str] = ()
    prompt_tokens: int = 0
    least_tokens: int = LEAST_TOKENS

    def __str__(self) -> str:
        place = [f"at {self.provider}"] if self.provider else []
        return ", ".join([self.override or f"the tier {self.tier}", *place, *self.needs])


@dataclass(frozen=True)
class PassedOver:
    """A model that was looked at and not taken."""

    provider: str
    model: str
    why: str
    unpriced: bool = False


def choose(
    catalogue: Catalogue,
    tier: str,
    *,
    override: str | None = None,
    provider: str | None = None,
    needs: Collection[str] = (),
    strategy: str | None = None,
    stats: StatsOf = nothing_known,
    down: Collection[str] = (),
    own_keys: Collection[str] = (),
    prompt_tokens: int = 0,
    least_tokens: int = LEAST_TOKENS,
    turn: int = 0,
) -> list[ModelChoice]:
    """
    Models of providers that are configured, the one to ask first at the head; `offline` only when there is no other.
    Never empty.

    Args:
        override: this model and no other. One that the catalogue doesn't list is asked of the first provider.
        provider: this provider and no other.
        needs: what the model must be capable of, e.g. `tools`; of one that isn't listed nothing is known.
        strategy: None is the catalogue's.
        down: providers whose breaker would refuse a call now; they are left out while another one fits.
        own_keys: providers for which the tenant has brought a key: as good as configured.
        prompt_tokens: an estimate (an upper bound would pass over models that fit); 0 is not known.
        least_tokens: of the answer that must fit into the context beside the prompt.
        turn: counts choices, for `load_balanced`.
    Raises:
        NoModel: nothing fits; the message tells why, or what to configure.
        PriceUnknown: only models without a price would do.
    """
    wish = Wish(tier, override, provider, needs, own_keys, down, prompt_tokens, least_tokens)
    return preferred(catalogue, wish, strategy=strategy, stats=stats, turn=turn)


def preferred(
    catalogue: Catalogue, wish: Wish, *, strategy: str | None = None, stats: StatsOf = nothing_known, turn: int = 0
) -> list[ModelChoice]:
    """
    Raises:
        NoModel, PriceUnknown: see choose.
    """
    fitting, passed = weigh(catalogue, wish)
    if not fitting:
        raise _nothing(catalogue, wish, passed)
    situation = Situation(stats, lambda name: load(catalogue, stats, name), turn, wish.prompt_tokens)
    return in_order(fitting, strategy or catalogue.strategy, situation)


def weigh(catalogue: Catalogue, wish: Wish) -> tuple[list[ModelChoice], list[PassedOver]]:
    """Those that fit, in the catalogue's order, and the others with the reason."""
    usable = _usable(catalogue, wish)
    fitting: list[ModelChoice] = []
    passed: list[PassedOver] = []
    for pick in _picks(catalogue, wish, usable):
        found = _judged(catalogue, wish, pick)
        if isinstance(found, PassedOver):
            passed.append(found)
        else:
            fitting.append(found)
    up = [choice for choice in fitting if choice.provider not in wish.down]
    if up:
        passed += [PassedOver(c.provider, c.model, "its breaker is open") for c in fitting if c not in up]
    return up or fitting, passed


def load(catalogue: Catalogue, stats: StatsOf, name: str) -> float:
    """Calls of a provider in flight, of all its listed models, as a share of those it may have at once."""
    provider = catalogue.providers[name]
    return sum(stats(name, model).in_flight for model in provider.models) / provider.connections


def _usable(catalogue: Catalogue, wish: Wish) -> list[str]:
    """Names of the configured providers, without `offline` when another is configured."""
    named = [name for name in catalogue.providers if wish.provider in (None, name)]
    names = [name for name in named if catalogue.providers[name].configured or name in wish.own_keys]
    connected = [name for name in names if not catalogue.providers[name].local]
    return connected or names


def _picks(catalogue: Catalogue, wish: Wish, usable: list[str]) -> Iterator[Pick]:
    if wish.override:
        yield from _named(catalogue, usable, wish.override)
    else:
        yield from dict.fromkeys(pick for pick in catalogue.tiers.get(wish.tier, ()) if pick.provider in usable)


def _named(catalogue: Catalogue, usable: list[str], model: str) -> list[Pick]:
    listed = [name for name in usable if model in catalogue.providers[name].models]
    open_ended = [name for name in usable if not catalogue.providers[name].local][:1]
    return [Pick(provider=name, model=model) for name in listed or open_ended]


def _judged(catalogue: Catalogue, wish: Wish, pick: Pick) -> ModelChoice | PassedOver:
    try:
        choice = catalogue.choice(pick.provider, pick.model, wish.tier)
    except PriceUnknown as error:
        return PassedOver(pick.provider, pick.model, str(error), unpriced=True)
    why = _obstacle(choice, wish, listed=pick.model in catalogue.providers[pick.provider].models)
    return PassedOver(pick.provider, pick.model, why) if why else choice


def _obstacle(choice: ModelChoice, wish: Wish, *, listed: bool) -> str | None:
    lacks = sorted(set(wish.needs) - choice.capabilities) if listed else []
    if lacks:
        return f"it can't do {', '.join(lacks)}"
    least = wish.prompt_tokens + wish.least_tokens
    if wish.prompt_tokens and choice.context_tokens is not None and least > choice.context_tokens:
        return f"its context of {choice.context_tokens} tokens is too small for {least}"
    return None


def _nothing(catalogue: Catalogue, wish: Wish, passed: list[PassedOver]) -> NoModel | PriceUnknown:
    if passed and all(other.unpriced for other in passed):
        return PriceUnknown(passed[0].why)
    why = "; ".join(f"{other.provider}/{other.model}: {other.why}" for other in passed)
    return NoModel(f"No configured model fits {wish}; {why or _advice(catalogue)}")


def _advice(catalogue: Catalogue) -> str:
    names = [n for p in catalogue.providers.values() for n in (p.api_key_env, p.base_url_env) if n]
    return f"providers are configured by {', '.join(names)}"
