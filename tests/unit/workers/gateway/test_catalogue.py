"""The catalogue is checked when it is read, says which key is wrong, and follows its file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from workers.gateway import catalogue as module
from workers.gateway import prices
from workers.gateway.catalogue import SHIPPED, Catalogue, CatalogueFile
from workers.gateway.errors import CatalogueInvalid, PriceUnknown
from workers.gateway.types import Usage


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


def test_prices_come_from_genai_prices_and_the_catalogue_overrides_them(file):
    catalogue = Catalogue.load(file, {})
    assert catalogue.price_of("acme", "gpt-4o-mini").input_usd == Decimal("0.15") / 1_000_000
    assert catalogue.price_of("acme", "gpt-4o-mini").cost_usd(Usage(1_000_000, 0, 1_000_000)) == Decimal("0.075")
    assert catalogue.price_of("acme", "plain-1").cost_usd(Usage(1_000_000, 0, 400_000)) == Decimal("1.2")
    assert catalogue.price_of("acme", "plain-1").cost_usd(Usage(1_000_000, 0, 0, 400_000)) == Decimal("1.7")
    assert catalogue.price_of("acme", "plain-1").cost_usd(Usage(1_000_000, 0, 0, 400_000, 400_000)) == Decimal("2.1")


def test_long_prompts_are_held_at_their_price_and_short_ones_billed_at_theirs():
    """Haiku 5.5 costs 0.10 and 0.50 USD per million, and five times that from 100,000 tokens of prompt on."""
    price = Catalogue.load(SHIPPED, {}).price_of("anthropic", "claude-haiku-5-5")
    assert (price.input_usd, price.output_usd) == (Decimal("0.5") / 1_000_000, Decimal("2.5") / 1_000_000)
    assert price.cost_usd(Usage(1000, 1000)) == Decimal("0.0006")
    assert price.cost_usd(Usage(200_000, 1000)) == Decimal("0.1025")


def test_a_prompt_kept_for_an_hour_costs_twice_and_one_kept_for_five_minutes_a_quarter_more():
    price = Catalogue.load(SHIPPED, {}).price_of("anthropic", "claude-sonnet-5-5")
    assert price.cost_usd(Usage(1_000_000, 0, 0, 1_000_000)) == Decimal("2.5")
    assert price.cost_usd(Usage(1_000_000, 0, 0, 1_000_000, 1_000_000)) == 4
    assert price.cost_usd(Usage(1_000_000, 0, 0, 1_000_000, 400_000)) == Decimal("3.1")
    assert (price.cached_usd, price.cache_write_usd, price.cache_write_1h_usd) == (
        Decimal("0.1") / 1_000_000,
        Decimal("2.5") / 1_000_000,
        Decimal("4") / 1_000_000,
    )


def test_a_price_that_changes_by_the_hour_is_billed_as_it_was_held():
    """DeepSeek's flash costs twice as much from 1 to 4 o'clock (UTC)."""
    day, night = (
        prices.looked_up_at("deepseek", "deepseek-flash", datetime(2026, 11, 20, hour, tzinfo=UTC)) for hour in (12, 2)
    )
    assert night.input_usd == 2 * day.input_usd
    for price in (day, night):
        assert price.cost_usd(Usage(1000, 1000)) == 1000 * (price.input_usd + price.output_usd)


def test_any_model_of_a_server_of_ones_own_costs_what_the_server_does(file):
    write(file, "prices_from: openai", "price: {input: 0, output: 0}")
    catalogue = Catalogue.load(file, {})
    assert catalogue.price_of("acme", "llama3.1:8b").output_usd == 0
    assert catalogue.price_of("acme", "plain-1").output_usd == Decimal("0.000006")


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
        ("capabilities: [streaming]", "capabilities: [embeddings]", "tiers.small.0.model: plain-1 is for embeddings"),
        ("tiers:", "embeddings: [{provider: acme, model: plain-1}]\ntiers:", "embeddings.0.model: plain-1 is not for"),
        (
            "tiers:",
            "shares: {small: 50, medium: 40, large: 20}\ntiers:",
            "shares: Value error, they add up to 110, not",
        ),
        ("tiers:", "strategy: luck\ntiers:", "strategy: Input should be 'cost_optimized'"),
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


@pytest.mark.parametrize("base_url", ["", "    base_url: https://api.acme.example/v1\n"])
@pytest.mark.parametrize(
    ("environ", "configured"),
    [
        ({}, False),
        ({"ACME_KEY": ""}, False),
        ({"ACME_KEY": "k"}, True),
        ({"ACME_URL": "https://api.acme.example/v1"}, True),
        ({"CONFIG__PROVIDERS__ACME__BASE_URL": "http://h/v1"}, True),
    ],
)
def test_a_provider_is_configured_by_its_key_or_an_address_of_ones_own(file, base_url, environ, configured):
    """The address that the file gives is the public one, which is of no use without a key."""
    write(file, "    prices_from: openai\n", f"    prices_from: openai\n{base_url}")
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


class OwnVersion:
    """The operator's own version as far as it is known, and a clock."""

    def __init__(self, text: str | None = None) -> None:
        self.text, self.now, self.asked = text, 0.0, 0

    def __call__(self) -> str | None:
        self.asked += 1
        return self.text


def test_a_changed_own_version_is_in_force_within_two_seconds(file):
    own = OwnVersion()
    followed = CatalogueFile(file, {}, more=own, clock=lambda: own.now)
    own.text = "strategy: quality"
    assert followed.current().strategy == "cost_optimized"
    own.now = 1.5
    assert followed.current().strategy == "quality"
    own.text, own.now = None, 3.0
    assert followed.current().strategy == "cost_optimized"


class Told:
    """Keeps what is logged, as (event, error)."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def error(self, event: str, *, error: str) -> None:
        self.entries.append((event, error))


def test_the_own_version_is_asked_once_a_second_and_a_broken_one_told_once(file, monkeypatch):
    own, told = OwnVersion("strategy: quality"), Told()
    monkeypatch.setattr(module, "log", told)
    followed = CatalogueFile(file, {}, more=own, clock=lambda: own.now)
    own.text = "strategy: luck"
    for tick in range(100):
        own.now = tick / 10
        assert followed.current().strategy == "quality"
    assert own.asked <= 11
    assert [event for event, _ in told.entries] == ["catalogue.rejected"]
    assert "strategy (from your version)" in told.entries[0][1]


def test_a_changed_file_keeps_the_own_version_over_it(file):
    own = OwnVersion("providers: {acme: {connections: 3}}")
    followed = CatalogueFile(file, {}, environment="staging", more=own)
    write(file, "input: 1.5", "input: 3")
    assert followed.current().price_of("acme", "plain-1").input_usd == Decimal("0.000003")
    assert followed.current().providers["acme"].connections == 3
