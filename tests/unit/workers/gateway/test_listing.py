"""What pages and the API are told: everything but secrets, as plain JSON, with a revision."""

from __future__ import annotations

import json
import subprocess
import sys

from workers.gateway.catalogue import SHIPPED, Catalogue
from workers.gateway.listing import ListedModel

KEYS = {"ACME_KEY": "sk-secret", "ACME_URL": "https://user:sk-other@acme.example/v1"}


def model(catalogue: Catalogue, provider: str, name: str) -> ListedModel:
    listed = next(entry for entry in catalogue.listing()["providers"] if entry["name"] == provider)
    return next(entry for entry in listed["models"] if entry["model"] == name)


def test_a_model_is_listed_with_price_places_and_abilities(file):
    assert model(Catalogue.load(file, {}), "acme", "plain-1") == {
        "model": "plain-1",
        "protocol": "openai",
        "tiers": {"small": 1},
        "price": {"input": "1.5", "output": "6", "cached": "0.75", "cache_write": "2", "cache_write_1h": "3"},
        "context_tokens": None,
        "max_output_tokens": 50,
        "capabilities": ["streaming"],
        "dimensions": None,
    }
    assert model(Catalogue.load(file, {}), "acme", "unpriced-1")["price"] is None


def test_the_shipped_listing_names_protocols_lists_and_dimensions():
    shipped = Catalogue.load(SHIPPED, {"OPENAI_API_KEY": "k"})
    assert model(shipped, "openai", "gpt-6-luna")["protocol"] == "responses"
    small = model(shipped, "openai", "text-embedding-3-small")
    assert (small["tiers"], small["dimensions"]) == ({"embeddings": 1}, 1536)
    openai, anthropic = shipped.listing()["providers"][:2]
    assert (openai["configured"], anthropic["configured"], openai["local"]) == (True, False, False)
    assert openai["dialect"]["max_tokens"] == "max_completion_tokens"


def test_it_is_json_without_a_secret(file):
    told = json.dumps(Catalogue.load(file, KEYS).listing())
    assert "acme" in told and "sk-" not in told


def test_the_revision_is_the_catalogues_and_not_the_keys(file):
    first = Catalogue.load(file, {"ACME_KEY": "one"}).revision
    assert first == Catalogue.load(file, {"ACME_KEY": "two"}).revision
    assert first != Catalogue.load(file, {}, more="strategy: quality").revision
    assert first != Catalogue.load(file, {}, more="providers: {acme: {connections: 11}}").revision


def test_the_revision_is_the_same_in_every_process():
    code = "from workers.gateway.catalogue import *; print(Catalogue.load(SHIPPED, {}).revision)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == Catalogue.load(SHIPPED, {}).revision


def checked(**asked: str | None) -> dict[str, dict[str, object] | str]:
    command = [sys.executable, "-m", "workers.gateway.check"]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True, env={})
    answer: dict[str, dict[str, object] | str] = json.loads(done.stdout)
    return answer


def test_a_version_is_checked_by_a_command():
    more = "providers: {openai: {prices_from: null, models: {gpt-9: {}}}}"
    found = checked(more=more, environment="production")["ok"]
    assert isinstance(found, dict)
    assert found["configured"] == ["offline"] and "openai/gpt-9" in found["unpriced"]
    assert found["revision"] == Catalogue.load(SHIPPED, {}, environment="production", more=more).revision


def test_the_command_says_what_is_wrong():
    assert checked(more="strategy: luck", environment=None) == {
        "error": "catalogue.yaml: strategy (from your version): Input should be 'cost_optimized', 'performance', "
        "'load_balanced', 'quality' or 'scored'"
    }
