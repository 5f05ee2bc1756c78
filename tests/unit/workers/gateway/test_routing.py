"""Which model answers is decided by tier, override, provider, capability and what is up, among configured providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.gateway import catalogue as module
from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import NoModel, PriceUnknown
from workers.gateway.routing import choose, load
from workers.gateway.statistics import UNKNOWN, ModelStats

SHIPPED = Path(module.__file__).with_name("catalogue.yaml")


@pytest.fixture
def bare(file) -> Catalogue:
    return Catalogue.load(file, {})


@pytest.fixture
def connected(file) -> Catalogue:
    return Catalogue.load(file, {"ACME_KEY": "k"})


def models(choices) -> list[str]:
    return [f"{choice.provider}/{choice.model}" for choice in choices]


def test_a_tier_gives_its_models_in_order_and_no_offline_beside_them(connected):
    assert models(choose(connected, "small", strategy="quality")) == ["acme/plain-1", "acme/gpt-4o-mini"]


def test_the_cheaper_model_of_a_tier_is_asked_first_unless_the_strategy_is_another(connected):
    assert models(choose(connected, "small")) == ["acme/gpt-4o-mini", "acme/plain-1"]
    assert models(choose(connected, "small", strategy="load_balanced", turn=1)) == ["acme/gpt-4o-mini", "acme/plain-1"]
    assert models(choose(connected, "small", strategy="load_balanced", turn=2)) == ["acme/plain-1", "acme/gpt-4o-mini"]


def test_offline_answers_when_nothing_is_configured(bare):
    assert models(choose(bare, "small")) == ["offline/rules"]


def test_models_that_lack_a_capability_are_left_out(connected):
    assert models(choose(connected, "small", needs=["tools"])) == ["acme/gpt-4o-mini"]


def test_an_override_is_that_model_and_no_other(connected):
    assert models(choose(connected, "medium", override="plain-1")) == ["acme/plain-1"]


def test_an_override_that_is_not_listed_is_asked_of_the_first_provider_if_its_price_is_known(connected):
    (choice,) = choose(connected, "small", override="gpt-4o")
    assert (choice.provider, choice.max_output_tokens) == ("acme", 4096)
    with pytest.raises(PriceUnknown):
        choose(connected, "small", override="llama3.1:8b")


def test_a_listed_model_without_a_price_is_not_called(connected):
    with pytest.raises(PriceUnknown, match="unpriced-1 of acme"):
        choose(connected, "small", override="unpriced-1")


def test_a_named_provider_is_that_one_and_no_other(bare, connected):
    assert models(choose(connected, "small", provider="offline")) == ["offline/rules"]
    with pytest.raises(NoModel, match="at acme"):
        choose(bare, "small", provider="acme")


@pytest.mark.parametrize("wish", [{"tier": "large"}, {"tier": "small", "override": "gpt-4o"}, {"tier": "huge"}])
def test_where_nothing_fits_the_error_names_what_to_set(bare, wish):
    with pytest.raises(NoModel, match="ACME_KEY, ACME_URL") as caught:
        choose(bare, **wish)
    assert caught.value.sent is False


def test_a_tenant_s_own_key_makes_a_provider_usable(bare):
    assert models(choose(bare, "large", own_keys=["acme"])) == ["acme/gpt-4o-mini"]
    assert models(choose(bare, "small", own_keys=["acme"], needs=["tools"])) == ["acme/gpt-4o-mini"]


def test_a_provider_that_is_down_is_asked_only_when_no_other_fits(file):
    other = "{protocol: openai, api_key: k, requests_per_minute: 9, connections: 9, breaker: {failures: 1, recovery_s: 1}, models: {gpt-4o: {price: {input: 9, output: 9}}}}"
    picks = "[{provider: acme, model: gpt-4o-mini}, {provider: globex, model: gpt-4o}]"
    environ = {"ACME_KEY": "k", "CONFIG__PROVIDERS__GLOBEX": other, "CONFIG__TIERS__SMALL": picks}
    two = Catalogue.load(file, environ)
    assert models(choose(two, "small")) == ["acme/gpt-4o-mini", "globex/gpt-4o"]
    assert models(choose(two, "small", down=["acme"])) == ["globex/gpt-4o"]
    assert models(choose(two, "small", down=["acme", "globex"])) == ["acme/gpt-4o-mini", "globex/gpt-4o"]
    assert models(choose(two, "small", down=["acme"], provider="acme")) == ["acme/gpt-4o-mini"]


def test_a_model_whose_context_is_too_small_is_passed_over_and_named_when_none_is_left(file):
    sizes = {"GPT_4O_MINI": "1000", "PLAIN_1": "500"}
    environ = {f"CONFIG__PROVIDERS__ACME__MODELS__{name}__CONTEXT_TOKENS": size for name, size in sizes.items()}
    catalogue = Catalogue.load(file, {**environ, "ACME_KEY": "k"})
    assert len(choose(catalogue, "small", prompt_tokens=400)) == 2
    assert models(choose(catalogue, "small", prompt_tokens=900)) == ["acme/gpt-4o-mini"]
    assert models(choose(catalogue, "small", prompt_tokens=900, least_tokens=100)) == ["acme/gpt-4o-mini"]
    with pytest.raises(NoModel, match="gpt-4o-mini: its context of 1000 tokens is too small for 1001"):
        choose(catalogue, "small", prompt_tokens=901, least_tokens=100)


def test_a_model_without_a_price_does_not_keep_a_tier_from_answering(file):
    picks = "[{provider: acme, model: unpriced-1}, {provider: acme, model: gpt-4o-mini}]"
    catalogue = Catalogue.load(file, {"ACME_KEY": "k", "CONFIG__TIERS__SMALL": picks})
    assert models(choose(catalogue, "small")) == ["acme/gpt-4o-mini"]


def test_of_a_model_that_is_not_listed_nothing_is_required(connected):
    assert models(choose(connected, "small", override="gpt-4o", needs=["vision"])) == ["acme/gpt-4o"]
    with pytest.raises(NoModel, match="plain-1: it can't do tools, vision"):
        choose(connected, "small", override="plain-1", needs=["vision", "tools"])


def test_the_load_of_a_provider_is_that_of_all_its_models(connected):
    busy = {"plain-1": ModelStats(in_flight=3), "unpriced-1": ModelStats(in_flight=2)}
    assert load(connected, lambda provider, model: busy.get(model, UNKNOWN), "acme") == 0.5


@pytest.mark.parametrize(("key", "provider"), [("OPENAI_API_KEY", "openai"), ("ANTHROPIC_API_KEY", "anthropic")])
def test_one_key_is_enough_for_every_tier_of_the_shipped_catalogue(key, provider):
    catalogue = Catalogue.load(SHIPPED, {key: "k"})
    for tier in ("small", "medium", "large"):
        assert {choice.provider for choice in choose(catalogue, tier)} == {provider}
