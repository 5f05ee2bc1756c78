"""Two bills and what lies between them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.billing.prices import log_usd, price_usd
from benchmarks.billing.sums import ANSWERED, Line, parts, sums

MILLION = Decimal(1_000_000)
tokens = st.integers(0, 50_000)
shares = st.integers(0, 100).map(lambda percent: Decimal(percent) / 100)


def dear(prompt: int, completion: int) -> Decimal:
    return (2 * prompt + 8 * completion) / MILLION


def line(prompt: int, completion: int, *, factor: Decimal = Decimal(1), off: Decimal = Decimal(0), **more) -> Line:
    plain = dear(prompt, completion) * factor
    return Line(prompt, completion, plain, plain * (1 - off), **more)


CALL = line(1000, 100)


@given(tokens, tokens, shares, tokens, st.integers(1, 5000), shares, shares, shares, st.sampled_from(["", *ANSWERED]))
def test_whatever_happened_the_causes_add_up_to_the_difference(
    prompt, completion, off, prompt2, completion2, off2, factor, own, cause
):
    before = line(prompt, completion, off=off)
    after = (
        Line(0, 0, Decimal(0), Decimal(0), own, cause)
        if cause
        else line(prompt2, completion2, factor=factor, off=off2, own_usd=own)
    )
    found = sum(usd for _, usd in parts(before, after, dear))
    assert found == pytest.approx(before.total_usd - after.total_usd, abs=Decimal("1e-15"))


@pytest.mark.parametrize(
    ("cause", "after", "usd"),
    [
        ("context", line(400, 100), "0.0012"),
        ("answer", line(1000, 50), "0.0004"),
        ("model", line(1000, 100, factor=Decimal("0.25")), "0.0021"),
        ("provider_cache", line(1000, 100, off=Decimal("0.5")), "0.0014"),
        ("own_calls", line(1000, 100, own_usd=Decimal("0.0003")), "-0.0003"),
        ("exact", Line(0, 0, Decimal(0), Decimal(0), cause="exact"), "0.0028"),
    ],
)
def test_what_happened_alone_is_the_only_cause(cause, after, usd):
    found = sums([CALL], [after], dear)
    assert {name: amount for name, amount in found.usd.items() if amount} == {cause: Decimal(usd)}
    assert found.requests == {name: int(name == cause) for name in found.requests}


def test_a_cheaper_model_whose_prompts_were_kept_as_well_saves_by_its_price_alone():
    kept = Decimal("0.4")
    found = sums([line(1000, 100, off=kept)], [line(1000, 100, off=kept, factor=Decimal("0.1"))], dear)
    assert {name for name, amount in found.usd.items() if amount} == {"model"}


def test_a_log_is_billed_by_the_words_of_either_protocol():
    """At gpt-4.1's and claude-opus-5-5's own prices: of 1,500 tokens of prompt 1,024 were kept."""
    openai = {"prompt_tokens": 1500, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 1024}}
    anthropic = {"prompt_tokens": 1500, "completion_tokens": 10, "cached_tokens": 1024, "cache_write_tokens": 400}
    log = [{"model": "gpt-4.1", "usage": openai}, {"model": "claude-opus-5-5", "usage": anthropic}]
    log.append({"model": "gpt-4.1", "usage": None})
    expected = price_usd("gpt-4.1", prompt=1500, completion=10, cached=1024)
    expected += price_usd("claude-opus-5-5", prompt=1500, completion=10, cached=1024, written=400)
    assert log_usd(log) == expected
    assert expected < price_usd("gpt-4.1", prompt=1500, completion=10) + price_usd(
        "claude-opus-5-5", prompt=1500, completion=10
    )
