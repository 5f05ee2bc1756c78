"""The catalogue that comes with the platform: one key is enough for everything, and every price is known."""

from __future__ import annotations

import pytest

from workers.gateway.catalogue import SHIPPED, Catalogue
from workers.gateway.layers import ENVIRONMENTS
from workers.gateway.routing import choose

CATALOGUE = Catalogue.load(SHIPPED, {})
TIERS = ("small", "medium", "large")
OWN_SERVERS = {"ollama", "vllm", "lmstudio", "llamacpp"}
CLOUD = sorted(set(CATALOGUE.providers) - OWN_SERVERS - {"offline"})


def variable(provider: str, kind: str) -> str:
    name = getattr(CATALOGUE.providers[provider], kind)
    assert name
    return str(name)


def test_there_are_at_least_fifteen_providers_and_none_is_configured_by_itself():
    assert len(CATALOGUE.providers) >= 15
    assert [name for name, entry in CATALOGUE.providers.items() if entry.configured] == ["offline"]


@pytest.mark.parametrize("provider", sorted(CATALOGUE.providers))
def test_every_model_has_a_price_and_says_what_it_can_do(provider):
    for name, model in CATALOGUE.providers[provider].models.items():
        price = CATALOGUE.price_of(provider, name)
        free = provider in OWN_SERVERS or provider == "offline"
        assert (price.input_usd > 0) is (not free)
        if "embeddings" in model.capabilities:
            assert model.dimensions and model.capabilities == {"embeddings"}
        else:
            assert {"tools", "streaming"} <= model.capabilities
            assert (price.output_usd > 0) is (not free)
        assert provider == "offline" or model.context_tokens


@pytest.mark.parametrize("provider", CLOUD)
def test_one_key_is_enough_for_every_tier(provider):
    connected = Catalogue.load(SHIPPED, {variable(provider, "api_key_env"): "k"})
    for tier in TIERS:
        assert {choice.provider for choice in choose(connected, tier, needs=["tools"])} == {provider}


@pytest.mark.parametrize("provider", sorted(OWN_SERVERS))
def test_a_server_of_ones_own_is_enough_for_every_tier_and_needs_no_key(provider):
    connected = Catalogue.load(SHIPPED, {variable(provider, "base_url_env"): "http://127.0.0.1:9/v1"})
    for tier in TIERS:
        assert {choice.provider for choice in choose(connected, tier)} == {provider}


def test_offline_is_the_last_of_each_tier_and_the_shares_are_half_two_fifths_and_a_tenth():
    assert all(CATALOGUE.tiers[tier][-1].provider == "offline" for tier in TIERS)
    assert CATALOGUE.shares.model_dump() == {"small": 50, "medium": 40, "large": 10}
    assert CATALOGUE.strategy == "cost_optimized"


def test_every_embedding_model_in_the_list_is_one_and_every_provider_has_at_most_one_there():
    providers = [pick.provider for pick in CATALOGUE.embeddings]
    assert len(providers) == len(set(providers)) >= 5


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_each_environment_is_right(environment):
    found = Catalogue.load(SHIPPED, {}, environment=environment)
    assert set(found.providers) == set(CATALOGUE.providers)
    assert (found.revision == CATALOGUE.revision) is (environment == "production")


def test_keys_stay_with_the_provider_they_are_for():
    """An address of our own for each: without one, a key would go to the SDK's own, which is OpenAI's."""
    addresses = {name: CATALOGUE.providers[name].base_url for name in set(CLOUD) - {"openai", "anthropic"}}
    assert all(address and address.startswith("https://") for address in addresses.values())
    assert len(set(addresses.values())) == len(addresses)
