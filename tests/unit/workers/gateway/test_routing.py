"""Which model answers is decided by tier, override, provider and capability, among configured providers."""

from __future__ import annotations

import pytest

from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import NoModel, PriceUnknown
from workers.gateway.routing import choose


@pytest.fixture
def bare(file) -> Catalogue:
    return Catalogue.load(file, {})


@pytest.fixture
def connected(file) -> Catalogue:
    return Catalogue.load(file, {"ACME_KEY": "k"})


def models(choices) -> list[str]:
    return [f"{choice.provider}/{choice.model}" for choice in choices]


def test_a_tier_gives_its_models_in_order_and_no_offline_beside_them(connected):
    assert models(choose(connected, "small")) == ["acme/plain-1", "acme/gpt-4o-mini"]


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
