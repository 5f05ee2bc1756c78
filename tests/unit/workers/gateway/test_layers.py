"""What is laid over the file: its part for an environment, an operator's own version, then the variables."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.gateway.conftest import TEXT
from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import CatalogueInvalid

PARTS = """
environments:
  development:
    strategy: quality
    providers: {acme: {connections: 1, breaker: {recovery_s: 60}}}
    tiers: {large: [{provider: offline, model: rules}]}
  production:
"""


def load(text: str = TEXT + PARTS, environ: dict[str, str] | None = None, **asked: str | None) -> Catalogue:
    return Catalogue.parse(text, environ or {}, name="catalogue.yaml", **asked)


def refusal(*args: object, **asked: object) -> str:
    with pytest.raises(CatalogueInvalid) as caught:
        load(*args, **asked)
    return str(caught.value)


def test_an_environments_part_is_merged_and_its_lists_replace():
    found = load(environment="development")
    acme = found.providers["acme"]
    assert (acme.connections, acme.requests_per_minute) == (1, 1000)
    assert (acme.breaker.failures, acme.breaker.recovery_s) == (2, 60)
    assert [pick.provider for pick in found.tiers["large"]] == ["offline"]
    assert found.strategy == "quality"


@pytest.mark.parametrize("environment", [None, "staging", "production"])
def test_an_environment_that_the_file_says_nothing_about_changes_nothing(environment):
    assert load(environment=environment) == load(TEXT)


def test_the_own_version_goes_before_the_environments_part_and_variables_before_both():
    found = load(environment="development", more="providers: {acme: {connections: 2, requests_per_minute: 5}}")
    assert (found.providers["acme"].connections, found.providers["acme"].requests_per_minute) == (2, 5)
    variables = {"CONFIG__PROVIDERS__ACME__CONNECTIONS": "3"}
    found = load(environ=variables, environment="development", more="providers: {acme: {connections: 2}}")
    assert found.providers["acme"].connections == 3


def test_the_own_version_may_bring_a_provider_whose_key_comes_from_the_environment():
    more = """
    providers:
      globex:
        {protocol: openai, base_url: "https://globex.example/v1", api_key_env: GLOBEX_API_KEY, requests_per_minute: 1,
         connections: 1, breaker: {failures: 1, recovery_s: 1}, models: {m: {price: {input: 1, output: 1}}}}
    """
    assert load(more=more).providers["globex"].own_address
    key = load(environ={"GLOBEX_API_KEY": "k"}, more=more).providers["globex"].api_key
    assert key and key.get_secret_value() == "k"


@pytest.mark.parametrize("more", [None, "", "  \n"])
def test_no_own_version_is_none(more):
    assert load(more=more) == load()


def test_a_mistake_is_told_with_who_made_it():
    bad = "providers: {acme: {connections: many}}"
    assert refusal(more=bad).startswith("catalogue.yaml: providers.acme.connections (from your version): ")
    assert "many" not in refusal(more=bad)
    part = TEXT + "environments: {staging: {" + bad + "}}"
    assert "providers.acme.connections (from environments.staging): " in refusal(part, environment="staging")
    variable = {"CONFIG__PROVIDERS__ACME__CONNECTIONS": "none"}
    assert "(from CONFIG__PROVIDERS__ACME__CONNECTIONS): " in refusal(environ=variable, more=bad)
    assert "(from your version): " in refusal(part, environment="staging", more=bad)
    assert "providers.globex.protocol (from your version): Field required" in refusal(more="providers: {globex: {}}")
    pick = "tiers: {small: [{provider: globex, model: m}]}"
    assert "tiers.small.0.provider (from your version): there is no provider globex" in refusal(more=pick)


def test_of_many_mistakes_the_first_ten_are_told():
    told = refusal(more=f"tiers: {{small: {[1] * 1000}}}")
    assert told.count("tiers.small.") == 10 and told.endswith("; and 990 more")


def test_what_is_no_part_is_said_so():
    assert refusal(environment="moon").startswith("there is no environment moon")
    assert "environments: must be a mapping of" in refusal(TEXT + "environments: {moon: {}}")
    assert "environments: must be a mapping of" in refusal(TEXT + "environments: [production]")
    assert "environments.staging: must be a mapping" in refusal(TEXT + "environments: {staging: 3}")
    assert refusal(more="providers: [") == refusal(more="providers: [") and "your version is not YAML" in refusal(
        more="["
    )
    assert "your version must be a mapping" in refusal(more="- a list")
    assert "your version is nested too deeply" in refusal(more="providers: &x {acme: *x}")
    assert "environments (from your version): Extra inputs" in refusal(more="environments: {staging: {}}")


def test_an_own_version_neither_holds_a_key_nor_sends_other_variables_out():
    """It is stored and shown as it is, and its server may be anybody's."""
    assert "providers.acme.api_key: a key is set by environment" in refusal(more="providers: {acme: {api_key: sk-1}}")
    assert "must end in _API_KEY" in refusal(more="providers: {acme: {api_key_env: DATABASE_URL}}")
    assert "must end in _BASE_URL" in refusal(more="providers: {acme: {base_url_env: HARTLEY_SECRET_KEY}}")


scalars = st.none() | st.booleans() | st.integers() | st.sampled_from(["acme", "rules", "quality", "http://h/v1", "x"])
keys = st.sampled_from(
    ["providers", "tiers", "acme", "offline", "models", "base_url", "api_key_env", "large", "own", 1]
)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(keys, trees, max_size=3), st.sampled_from([None, "development"]))
def test_whatever_an_own_version_holds_it_is_a_catalogue_or_refused(more, environment):
    try:
        found = load(environ={"ACME_URL": "http://h/v1"}, environment=environment, more=yaml.safe_dump(more))
    except CatalogueInvalid:
        return
    assert set(found.tiers) == {"small", "medium", "large"} and found.revision
