"""An operator is told which models would be asked, by the catalogue that the workers have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from tests.support.cast import Cast, make_cast, operate_platform
from webapp.catalogue.models import CatalogueVersion
from webapp.common.tenancy import tenant_scope
from workers.explain import main

OURS = """
providers:
  ours: {protocol: openai, base_url: "http://127.0.0.1:9/v1", requests_per_minute: 9, connections: 9,
         breaker: {failures: 5, recovery_s: 1}, models: {plain-1: {price: {input: 1, output: 2}}}}
tiers: {large: [{provider: ours, model: plain-1}]}
"""
Told = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def cast() -> Cast:
    """Acme operates the platform."""
    made = make_cast()
    operate_platform(made.acme)
    return made


@pytest.fixture
def in_force(cast: Cast) -> Iterator[Callable[[str], int]]:
    """Puts a version in force past the check, which takes a second; returns its number."""

    def put(source: str) -> int:
        none_in_force()
        number = CatalogueVersion.objects.count() + 1
        with tenant_scope(cast.acme.id):
            CatalogueVersion.objects.create(number=number, source=source, author_email="x@example.com", active=True)
        return number

    def none_in_force() -> None:
        with tenant_scope(cast.acme.id):
            CatalogueVersion.objects.filter(active=True).update(active=False)

    none_in_force()
    yield put
    none_in_force()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def tell(*arguments: str) -> tuple[int, str]:
        code = main(arguments)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return tell


def test_the_version_in_force_counts(in_force: Callable[[str], int], told: Told) -> None:
    assert "with no version of your own" in told("--tier", "large")[1]
    number = in_force(OURS)
    code, shown = told("--tier", "large")
    assert code == 0 and f"with version {number}," in shown and " 1. ours/plain-1" in shown


def test_the_part_for_the_environment_counts(told: Told, in_force: Any, settings: Any) -> None:
    shown = {}
    for settings.ENVIRONMENT in ("production", "development"):
        _, shown[settings.ENVIRONMENT] = told("--model", "rules")
        assert f"The catalogue of {settings.ENVIRONMENT} " in shown[settings.ENVIRONMENT]
    revisions = {text.splitlines()[0].rpartition(" ")[2] for text in shown.values()}
    assert len(revisions) == 2


def test_a_version_that_this_release_can_not_use_does_not_count(in_force: Callable[[str], int], told: Told) -> None:
    in_force("providers: {openai: {unheard_of: 1}}")
    assert "with no version of your own" in told("--tier", "large")[1]


def test_an_environment_that_is_wrong_is_told(in_force: Any, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFIG__PROVIDERS__OPENAI__CONNECTIONS", "none")
    code, shown = told()
    assert code == 2 and "providers.openai.connections" in shown


def test_while_postgres_is_away_nothing_is_claimed(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as away:
        away.setitem(connections["default"].settings_dict, "NAME", "nowhere")
        away.setitem(connections["default"].settings_dict, "OPTIONS", {})
        connections["default"].close()
        code, shown = told("--tier", "large")
    connections["default"].close()
    assert code == 2 and "The version in force can't be read" in shown and " 1. " not in shown
