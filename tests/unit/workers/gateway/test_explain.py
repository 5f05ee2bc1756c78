"""An operator is told which models would be asked, in which order, at what price, and why not the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workers.gateway.catalogue import Catalogue
from workers.gateway.explain import explain, parser

Told = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def told(file, capsys) -> Told:
    def tell(*arguments: str, **environ: str) -> tuple[int, list[str]]:
        code = explain(Catalogue.load(file, environ), parser().parse_args(arguments))
        return code, capsys.readouterr().out.splitlines()

    return tell


def test_candidates_stand_in_their_order_with_price_and_context(told):
    size = {"CONFIG__PROVIDERS__ACME__MODELS__PLAIN_1__CONTEXT_TOKENS": "128000"}
    code, lines = told("--tier", "small", ACME_KEY="k", **size)
    assert code == 0 and lines[0] == "the tier small, cost_optimized:"
    assert [line.split() for line in lines[2:4]] == [
        ["1.", "acme/gpt-4o-mini", "0.150", "0.600", "0.00108", "?"],
        ["2.", "acme/plain-1", "1.50", "6.00", "0.0108", "128,000"],
    ]
    _, other = told("--tier", "small", "--strategy", "quality", ACME_KEY="k")
    assert other[2].split()[1] == "acme/plain-1"


def test_each_model_that_is_passed_over_has_its_reason(told):
    _, lines = told("--needs", "tools", ACME_KEY="k")
    assert lines[lines.index("Passed over:") + 1 :] == [
        "  - acme/plain-1: it can't do tools",
        "  - offline/rules: answers only when nothing else is configured",
    ]
    assert "  - acme/plain-1: not configured (ACME_KEY or ACME_URL)" in told()[1]
    assert "  - acme/plain-1: only offline is asked for" in told("--provider", "offline", ACME_KEY="k")[1]


def test_what_if_a_tenant_brings_a_key_or_a_breaker_is_open(told):
    assert told("--tier", "large", "--own-key", "acme")[1][2].split()[1] == "acme/gpt-4o-mini"
    assert told("--tier", "large", "--own-key", "acme", "--down", "acme")[0] == 0


def test_where_no_model_fits_it_says_so_and_fails(told):
    code, lines = told("--tier", "large")
    assert code == 1 and "No configured model fits the tier large; providers are configured by" in lines[1]
    code, lines = told("--model", "unpriced-1", ACME_KEY="k")
    assert code == 1 and "No price is known for unpriced-1 of acme" in lines[1]


def test_a_key_is_never_shown(told):
    assert "sk-secret" not in "".join(told(ACME_KEY="sk-secret")[1])
