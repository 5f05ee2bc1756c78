"""What a run's books are checked for: each thing that may be wrong is found."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.gateway.books import Place
from benchmarks.gateway.trio import Seen
from webapp.budgets.models import Hold


def request(status: int | None = None, tokens: int | None = 15) -> Seen:
    return Seen("groq", 1, {"status": status, "usage": tokens and {"total_tokens": tokens}, "outcome": "completed"})


def hold(tokens: int = 15, error: str = "", *, worst_case: bool = False) -> Hold:
    return Hold(prompt_tokens=tokens, completion_tokens=0, error=error, worst_case=worst_case)


@pytest.mark.parametrize(
    "place",
    [
        Place(billed=[request()], settled=[hold()]),
        Place(billed=[request(tokens=None)], settled=[hold(500, "model.unreachable", worst_case=True)]),
        Place(free=[request(429)], released=[hold(0, "model.rate_limited"), hold(0, "model.breaker_open")]),
        Place(settled=[hold(500, "call.stopped", worst_case=True)]),
    ],
)
def test_what_is_right_is_not_complained_of(place: Place) -> None:
    assert list(place.wrong()) == []


@pytest.mark.parametrize(
    ("told", "place"),
    {
        "1 billed requests, 0 settled": {"billed": [request()]},
        "0 billed requests, 1 settled": {"settled": [hold(0)]},
        "1 billed requests, 2 settled": {"billed": [request()], "settled": [hold(), hold()]},
        "1 unbilled requests, 0 holds": {"free": [request(503)]},
        "0 unbilled requests, 1 holds": {"released": [hold(0, "model.overloaded")]},
        "15 tokens used, 14 paid": {"billed": [request()], "settled": [hold(14)]},
        "15 tokens used, 16 paid": {"billed": [request()], "settled": [hold(16)]},
    }.items(),
)
def test_each_difference_is_named(told: str, place: dict[str, Any]) -> None:
    assert any(line.startswith(told) for line in Place(**place).wrong())
