"""Whatever the catalogue and the wish: candidates fit, `offline` is the last resort, and there is no empty list."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import NoModel, PriceUnknown
from workers.gateway.routing import LEAST_TOKENS, choose
from workers.gateway.statistics import ModelStats
from workers.gateway.strategies import ORDERS
from workers.gateway.types import ModelChoice

CLOUD = ["acme", "globex", "initech"]
MODELS = ["a", "b"]
NEEDS = ["tools", "vision"]
WISHES = st.fixed_dictionaries(
    {
        "tier": st.sampled_from(["small", "medium", "large"]),
        "override": st.none() | st.sampled_from([*MODELS, "rules", "unlisted"]),
        "provider": st.none() | st.sampled_from([*CLOUD, "offline"]),
        "needs": st.sets(st.sampled_from(NEEDS)),
        "strategy": st.none() | st.sampled_from(sorted(ORDERS)),
        "down": st.sets(st.sampled_from([*CLOUD, "offline"])),
        "own_keys": st.sets(st.sampled_from(CLOUD)),
        "prompt_tokens": st.sampled_from([0, 100, 1000, 5000]),
        "turn": st.integers(0, 9),
    }
)


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any]:
    body: dict[str, Any] = {"capabilities": sorted(draw(st.sets(st.sampled_from([*NEEDS, "streaming"]))))}
    if draw(st.booleans()):
        body["context_tokens"] = draw(st.sampled_from([500, 2000]))
    if draw(st.integers(0, 5)):
        body["price"] = {"input": draw(st.integers(0, 5)), "output": draw(st.integers(0, 5))}
    return body


@st.composite
def catalogues(draw: st.DrawFn) -> dict[str, Any]:
    limits = {"requests_per_minute": 100, "connections": 4, "breaker": {"failures": 2, "recovery_s": 5}}
    providers: dict[str, Any] = {
        name: {"protocol": "openai", "models": {model: draw(models()) for model in MODELS}, **limits} for name in CLOUD
    }
    for name in draw(st.sets(st.sampled_from(CLOUD))):
        providers[name]["api_key"] = "k"
    rules = {"capabilities": ["tools"], "price": {"input": 0, "output": 0}}
    providers["offline"] = {"protocol": "offline", "models": {"rules": rules}, **limits}
    picks = [{"provider": name, "model": model} for name in CLOUD for model in MODELS]
    picks.append({"provider": "offline", "model": "rules"})
    tiers = {tier: draw(st.lists(st.sampled_from(picks), min_size=1)) for tier in ("small", "medium", "large")}
    return {"providers": providers, "tiers": tiers}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Catalogue]:
    folder, numbers = tmp_path_factory.mktemp("catalogues"), count()

    def load(body: dict[str, Any]) -> Catalogue:
        path: Path = folder / f"{next(numbers)}.yaml"
        path.write_text(json.dumps(body), encoding="utf-8")
        return Catalogue.load(path, {})

    return load


def some_stats(provider: str, model: str) -> ModelStats:
    """Different for each model, the same at each look."""
    number = len(provider) + ord(model[0])
    return ModelStats(calls=number % 7, in_flight=number % 3, mean_s=number % 5 or None, success_rate=1 / number)


def fitting(catalogue: Catalogue, wish: dict[str, Any], provider: str, model: str) -> bool:
    """By definition, of one pick; that `offline` is only a last resort is another law."""
    entry = catalogue.providers[provider]
    if not (entry.configured or provider in wish["own_keys"]) or wish["provider"] not in (None, provider):
        return False
    known = entry.models[model]
    room = known.context_tokens is None or wish["prompt_tokens"] + LEAST_TOKENS <= known.context_tokens
    return bool(known.price and known.capabilities >= wish["needs"] and (room or not wish["prompt_tokens"]))


def picks_for(catalogue: Catalogue, wish: dict[str, Any]) -> set[tuple[str, str]]:
    if wish["override"]:
        named = [(name, wish["override"]) for name in catalogue.providers]
        return {pick for pick in named if pick[1] in catalogue.providers[pick[0]].models}
    return {(pick.provider, pick.model) for pick in catalogue.tiers[wish["tier"]]}


def asked(choices: list[ModelChoice]) -> list[tuple[str, str]]:
    return [(choice.provider, choice.model) for choice in choices]


@settings(max_examples=70, deadline=None)
@given(body=catalogues(), wish=WISHES)
def test_candidates_are_all_that_fit_and_are_up_without_offline_beside_a_connected_provider(read, body, wish):
    catalogue = read(body)
    connected = [
        name
        for name in CLOUD
        if (catalogue.providers[name].configured or name in wish["own_keys"]) and wish["provider"] in (None, name)
    ]
    fit = {pick for pick in picks_for(catalogue, wish) if fitting(catalogue, wish, *pick)}
    fit -= {("offline", "rules")} if connected else set()
    up = {pick for pick in fit if pick[0] not in wish["down"]}
    try:
        found = asked(choose(catalogue, **wish, stats=some_stats))
    except (NoModel, PriceUnknown) as error:
        assert not fit and str(error)
    else:
        assert found and len(set(found)) == len(found)
        assert set(found) == (up or fit)
        assert found == asked(choose(catalogue, **wish, stats=some_stats))
        assert wish["provider"] in (None, *{provider for provider, _ in found})
