"""Tells which models of a catalogue would be asked, in which order, and why not the others. Calls nothing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import get_args

from workers.gateway.catalogue import Catalogue
from workers.gateway.entries import MILLION, Capability, Strategy
from workers.gateway.errors import NoModel, PriceUnknown
from workers.gateway.routing import PassedOver, Wish, preferred, weigh
from workers.gateway.strategies import expected_usd
from workers.gateway.types import ModelChoice

COLUMNS = "{:<4}{:<44}{:>10}{:>10}{:>14}{:>11}"


def explain(catalogue: Catalogue, asked: argparse.Namespace) -> int:
    """
    Print it.

    Args:
        asked: what `parser` reads.
    Returns:
        1: no model fits; else 0.
    """
    wish = Wish(asked.tier, asked.model, asked.provider, asked.needs, asked.own_key, asked.down, asked.prompt_tokens)
    strategy = asked.strategy or catalogue.strategy
    print(f"{wish}, {strategy}:")
    try:
        choices = preferred(catalogue, wish, strategy=strategy, turn=asked.turn)
    except (NoModel, PriceUnknown) as error:
        print(f"  {error}")
        choices = []
    print("\n".join(_table(choices, wish) + _not_taken(catalogue, wish)))
    return 0 if choices else 1


def _table(choices: Sequence[ModelChoice], wish: Wish) -> list[str]:
    """A long prompt's price where that is higher: it is what a call is held at."""
    head = COLUMNS.format("", "USD per million tokens, at most:", "input", "output", "typical call", "context")
    return [head, *(_line(number, choice, wish) for number, choice in enumerate(choices, start=1))] if choices else []


def _line(number: int, choice: ModelChoice, wish: Wish) -> str:
    return COLUMNS.format(
        f"{number:>2}.",
        f"{choice.provider}/{choice.model}",
        _usd(choice.price.input_usd * MILLION),
        _usd(choice.price.output_usd * MILLION),
        _usd(expected_usd(choice.price, wish.prompt_tokens)),
        "?" if choice.context_tokens is None else f"{choice.context_tokens:,}",
    )


def _usd(amount: Decimal) -> str:
    return f"{amount:.3g}" if amount else "0"


def _not_taken(catalogue: Catalogue, wish: Wish) -> list[str]:
    fitting, passed = weigh(catalogue, wish)
    seen = {(one.provider, one.model) for one in fitting} | {(one.provider, one.model) for one in passed}
    others = [*passed, *(one for one in _unusable(catalogue, wish) if (one.provider, one.model) not in seen)]
    return ["Passed over:", *(f"  - {one.provider}/{one.model}: {one.why}" for one in others)] if others else []


def _unusable(catalogue: Catalogue, wish: Wish) -> Iterator[PassedOver]:
    """What the list names of providers that are out of the question."""
    if wish.override:
        named = [(name, wish.override) for name, entry in catalogue.providers.items() if wish.override in entry.models]
    else:
        named = [(pick.provider, pick.model) for pick in catalogue.tiers[wish.tier]]
    for provider, model in dict.fromkeys(named):
        yield PassedOver(provider, model, _why_unusable(catalogue, wish, provider))


def _why_unusable(catalogue: Catalogue, wish: Wish, name: str) -> str:
    provider = catalogue.providers[name]
    if wish.provider not in (None, name):
        return f"only {wish.provider} is asked for"
    if provider.local:
        return "answers only when nothing else is configured"
    variables = " or ".join(variable for variable in (provider.api_key_env, provider.base_url_env) if variable)
    return f"not configured ({variables})" if variables else "not configured"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m workers.explain", description="Which models would be asked, and why not the others."
    )
    add = made.add_argument
    add("--tier", default="small", choices=["small", "medium", "large"])
    add("--strategy", choices=get_args(Strategy), help="instead of the catalogue's")
    add("--model", help="this model and no other")
    add("--provider", help="this provider and no other")
    add("--needs", nargs="+", default=[], choices=get_args(Capability), help="what the model must be capable of")
    add("--prompt-tokens", type=int, default=0, metavar="N", help="length of the prompt, for prices and contexts")
    add("--own-key", nargs="+", default=[], metavar="PROVIDER", help="as if a tenant had brought keys for these")
    add("--down", nargs="+", default=[], metavar="PROVIDER", help="as if their breakers were open")
    add("--turn", type=int, default=0, metavar="N", help="for load_balanced: calls that went before")
    return made
