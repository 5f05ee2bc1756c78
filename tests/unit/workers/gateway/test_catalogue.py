"""The catalogue is checked when it is read, says which key is wrong, and follows its file."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from workers.gateway import catalogue as module
from workers.gateway.catalogue import Catalogue, CatalogueFile
from workers.gateway.errors import CatalogueInvalid, PriceUnknown
from workers.gateway.types import Usage

SHIPPED = Path(module.__file__).with_name("catalogue.yaml")


def write(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    before = path.stat().st_mtime_ns
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


def refusal(path: Path, **environ: str) -> str:
    with pytest.raises(CatalogueInvalid) as caught:
        Catalogue.load(path, environ)
    return str(caught.value)


def test_every_model_of_the_shipped_catalogue_has_a_price_and_a_limit():
    catalogue = Catalogue.load(SHIPPED, {})
    for name, provider in catalogue.providers.items():
        for model in provider.models:
            choice = catalogue.choice(name, model, "small")
            assert choice.max_output_tokens > 0 and {"tools", "streaming"} <= choice.capabilities
            assert (choice.price.output_usd > 0) is (name != "offline")


def test_prices_come_from_genai_prices_and_the_catalogue_overrides_them(file):
    catalogue = Catalogue.load(file, {})
    assert catalogue.price_of("acme", "gpt-4o-mini").input_usd == Decimal("0.15") / 1_000_000
    assert catalogue.price_of("acme", "gpt-4o-mini").cost_usd(Usage(1_000_000, 0, 1_000_000)) == Decimal("0.075")
    assert catalogue.price_of("acme", "plain-1").cost_usd(Usage(1_000_000, 0, 400_000)) == Decimal("1.2")
    assert catalogue.price_of("acme", "plain-1").cost_usd(Usage(1_000_000, 0, 0, 400_000)) == Decimal("1.7")


def test_long_prompts_are_held_at_their_price_and_short_ones_billed_at_theirs():
    """Haiku 5.5 costs 0.10 and 0.50 USD per million, and five times that from 100,000 tokens of prompt on."""
    price = Catalogue.load(SHIPPED, {}).price_of("anthropic", "claude-haiku-5-5")
    assert (price.input_usd, price.output_usd) == (Decimal("0.5") / 1_000_000, Decimal("2.5") / 1_000_000)
    assert price.cost_usd(Usage(1000, 1000)) == Decimal("0.0006")
    assert price.cost_usd(Usage(200_000, 1000)) == Decimal("0.1025")


def test_a_model_without_a_known_price_is_an_error_that_tells_how_to_give_one(file):
    with pytest.raises(PriceUnknown, match="CONFIG__PROVIDERS__ACME__MODELS=") as caught:
        Catalogue.load(file, {}).price_of("acme", "llama3.1:8b")
    name, _, value = str(caught.value).partition(": CONFIG__")[2].partition("=")
    taught = Catalogue.load(file, {f"CONFIG__{name}": value.strip("'")})
    assert taught.price_of("acme", "llama3.1:8b").output_usd == 0
    assert taught.price_of("acme", "plain-1").output_usd == Decimal("0.000006")


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (
            "requests_per_minute: 1000\n    connections: 10\n    breaker: {failures: 2",
            "breaker: {failures: 2",
            "providers.acme.requests_per_minute: Field required",
        ),
        ("{failures: 2,", "{failures: 0,", "providers.acme.breaker.failures: "),
        ("input: 1.5", "input: -1", "providers.acme.models.plain-1.price.input: "),
        (
            "max_output_tokens: 100, cap",
            "max_output_token: 100, cap",
            "providers.acme.models.gpt-4o-mini.max_output_token: ",
        ),
        ("[tools, streaming]", "[tools, telepathy]", "providers.acme.models.gpt-4o-mini.capabilities."),
        ("protocol: offline", "protocol: carrier-pigeon", "providers.offline.protocol: "),
        ("  large: [{provider: acme, model: gpt-4o-mini}]", "", "tiers.large: Field required"),
        (
            "large: [{provider: acme,",
            "large: [{provider: nobody,",
            "tiers.large.0.provider: there is no provider nobody",
        ),
        (
            "large: [{provider: acme, model: gpt-4o-mini}",
            "large: [{provider: acme, model: gpt-9}",
            "tiers.large.0.model: acme has no gpt-9",
        ),
    ],
)
def test_a_mistake_is_told_with_its_key(file, old, new, key):
    write(file, old, new)
    assert refusal(file).startswith(f"catalogue.yaml: {key}")


def test_a_file_that_is_no_catalogue_is_said_so(tmp_path):
    assert "can't be read" in refusal(tmp_path / "catalogue.yaml")
    (tmp_path / "catalogue.yaml").write_text("providers: [")
    assert "is not YAML" in refusal(tmp_path / "catalogue.yaml")
    (tmp_path / "catalogue.yaml").write_text("- a list")
    assert "must be a mapping" in refusal(tmp_path / "catalogue.yaml")


def test_the_environment_overrides_by_nested_key(file):
    catalogue = Catalogue.load(
        file,
        {
            "CONFIG__PROVIDERS__ACME__API_KEY": "0123",
            "CONFIG__PROVIDERS__ACME__BREAKER__FAILURES": "7",
            "CONFIG__PROVIDERS__ACME__MODELS__GPT_4O_MINI__MAX_OUTPUT_TOKENS": "42",
            "CONFIG__TIERS__LARGE": "[{provider: offline, model: rules}]",
        },
    )
    acme = catalogue.providers["acme"]
    assert acme.api_key and acme.api_key.get_secret_value() == "0123"
    assert (acme.breaker.failures, acme.models["gpt-4o-mini"].max_output_tokens) == (7, 42)
    assert [pick.model for pick in catalogue.tiers["large"]] == ["rules"]


def test_a_wrong_override_is_told_by_its_variable_and_without_its_value(file):
    name = "CONFIG__PROVIDERS__ACME__CONNECTIONS"
    assert f"providers.acme.connections (from {name}): " in refusal(file, **{name: "s3cret"})
    assert "s3cret" not in refusal(file, **{name: "s3cret"})
    assert "providers.acme.base_url (from ACME_URL): " in refusal(file, ACME_URL="localhost:11434")
    assert refusal(file, CONFIG__PROVIDERS__NOBODY__API_KEY="x") == (
        "CONFIG__PROVIDERS__NOBODY__API_KEY: the catalogue has no mapping providers.nobody"
    )
    assert refusal(file, CONFIG__TIERS__SMALL="[{") == "CONFIG__TIERS__SMALL: this is not YAML"


@pytest.mark.parametrize(
    ("environ", "configured"),
    [({}, False), ({"ACME_KEY": ""}, False), ({"ACME_KEY": "k"}, True), ({"ACME_URL": "http://h/v1"}, True)],
)
def test_a_provider_is_configured_by_its_key_or_its_address(file, environ, configured):
    catalogue = Catalogue.load(file, environ)
    assert (catalogue.providers["acme"].configured, catalogue.providers["offline"].configured) == (configured, True)


def test_a_key_is_not_shown(file):
    assert "sk-secret" not in repr(Catalogue.load(file, {"ACME_KEY": "sk-secret"}))


def test_a_changed_file_is_read_again_and_a_broken_one_passed_over(file):
    followed = CatalogueFile(file, {"ACME_KEY": "k"})
    first = followed.current()
    assert followed.current() is first
    write(file, "input: 1.5", "input: 3")
    assert followed.current().price_of("acme", "plain-1").input_usd == Decimal("0.000003")
    write(file, "input: 3", "input: free")
    assert followed.current().price_of("acme", "plain-1").input_usd == Decimal("0.000003")
    write(file, "input: free", "input: 4")
    assert followed.current().price_of("acme", "plain-1").input_usd == Decimal("0.000004")
    file.unlink()
    assert followed.current().price_of("acme", "plain-1").input_usd == Decimal("0.000004")
