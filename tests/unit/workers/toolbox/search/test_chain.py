"""Searches against local servers that play the providers: the first one that answers, and never a key in what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.support.receiver import Receiver
from tests.unit.workers.toolbox.conftest import MakeContext
from tests.unit.workers.toolbox.search.answers import ANSWERS, FIRST
from workers.toolbox.builtin.web_search import WebSearch
from workers.toolbox.errors import ToolMisdeclared
from workers.toolbox.registry import ToolResult, load_registry
from workers.toolbox.search.chain import chain_of

KEY = "key-nobody-may-see"


@pytest.fixture
def playing() -> Iterator[Receiver]:
    running = Receiver()
    running.answer = lambda got: (
        200,
        {},
        json.dumps(ANSWERS["searxng" if "format=json" in got.path else "serper"]).encode(),
    )
    yield running
    running.stop()


async def search(playing: Receiver, make: MakeContext, *order: str, **arguments: object) -> ToolResult:
    names = ("serper", "brave", "searxng")
    keys = dict.fromkeys(("serper", "brave"), KEY)
    chain = chain_of(order, keys, {name: playing.url("") for name in names}, within_s=30)
    assert chain
    tool = WebSearch(chain, price_usd=Decimal("0.005"))
    registry = load_registry(more=[tool])
    registry.validate("web_search", {"query": "oak", **arguments})
    return await tool.run({"query": "oak", **arguments}, make())


async def test_the_first_provider_that_answers_is_enough(playing: Receiver, context: MakeContext) -> None:
    result = await search(playing, context, max_results=1)
    assert result.output["provider"] == "serper" and "passed" not in result.output
    assert [each["url"] for each in result.output["results"]] == [FIRST] and result.cost_usd == Decimal("0.005")
    (got,) = playing.received
    assert got.path == "/search" and got.headers["x-api-key"] == KEY and got.body["q"] == "oak"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (429, b"{}", "It answered 429"),
        (302, b"{}", "It answered 302"),
        (200, b"<html>", "Its answer was not understood"),
        (200, b'{"organic": {"a": 1}}', "Its answer was not understood"),
        (200, b"[" * 200_000, "Its answer was not understood"),
        (200, b" " * 5_000_000, "Its answer was too long"),
    ],
)
async def test_the_next_one_is_asked_when_one_fails(
    playing: Receiver, context: MakeContext, status: int, body: bytes, why: str
) -> None:
    playing.answer = lambda got: (
        (200, {}, json.dumps(ANSWERS["searxng"]).encode()) if "format=json" in got.path else (status, {}, body)
    )
    result = await search(playing, context, "serper", "searxng")
    assert result.ok and result.output["provider"] == "searxng"
    assert result.output["passed"] == [{"provider": "serper", "message": why}]


async def test_when_none_answers_the_reasons_are_told_and_no_key(playing: Receiver, context: MakeContext) -> None:
    playing.answer = lambda got: 401
    result = await search(playing, context)
    assert result.error and result.error.code == "search.failed" and len(playing.received) == 3
    assert "serper: It answered 401" in result.error.message and KEY not in json.dumps(result.output)


async def test_only_a_providers_own_address_may_be_an_inner_one(playing: Receiver, context: MakeContext) -> None:
    """One that resolves inside although the operator named no address of its own has been redirected by somebody."""
    chain = chain_of((), {"serper": KEY}, {}, within_s=30)
    assert chain

    async def inside(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    chain.providers[0].guard._resolve = inside
    result = await WebSearch(chain).run({"query": "oak"}, context())
    assert result.error and "not public" in result.error.message and playing.received == []


def test_without_a_provider_the_tool_is_not_offered() -> None:
    assert chain_of((), dict.fromkeys(ANSWERS, ""), dict.fromkeys(ANSWERS, ""), within_s=30) is None
    assert load_registry().is_free("web_search")


def test_all_that_are_set_up_are_tried_in_order_unless_an_order_is_named() -> None:
    keys, urls = {"exa": "a", "serper": "b"}, {"searxng": "http://search.internal:8080/"}
    assert [one.provider.name for one in chain_of((), keys, urls, within_s=30).providers] == [
        "serper",
        "exa",
        "searxng",
    ]  # type: ignore[union-attr]
    ordered = chain_of(("searxng", "exa"), keys, urls, within_s=30)
    assert ordered and [(one.provider.name, one.base) for one in ordered.providers] == [
        ("searxng", "http://search.internal:8080"),
        ("exa", "https://api.exa.ai"),
    ]


@pytest.mark.parametrize(
    ("order", "urls", "told"),
    [
        (("gogle",), {}, "HARTLEY_SEARCH_PROVIDERS: there is no 'gogle'"),
        (("brave",), {}, "HARTLEY_SEARCH_BRAVE_KEY"),
        (("searxng",), {}, "HARTLEY_SEARCH_SEARXNG_URL"),
        ((), {"searxng": "search.internal"}, "HARTLEY_SEARCH_SEARXNG_URL"),
        ((), {"searxng": "ftp://search.internal"}, "HARTLEY_SEARCH_SEARXNG_URL"),
        ((), {"searxng": "http://a:b@search.internal"}, "HARTLEY_SEARCH_SEARXNG_URL"),
    ],
)
def test_a_mistake_in_the_settings_stops_the_start_by_name(
    order: tuple[str, ...], urls: dict[str, str], told: str
) -> None:
    with pytest.raises(ToolMisdeclared, match=told):
        chain_of(order, {}, urls, within_s=30)


@pytest.mark.parametrize(("status", "outage"), [(400, False), (422, False), (401, True), (429, True), (500, True)])
async def test_a_question_that_nobody_takes_speaks_against_no_provider(
    playing: Receiver, context: MakeContext, status: int, outage: bool
) -> None:
    """The tool's breaker is one for all tenants: an odd question of one must not open it."""
    playing.answer = lambda got: (status if got.path == "/search" else 503, {}, b"{}")
    result = await search(playing, context, "serper", "searxng")
    assert result.error and result.error.code == "search.failed" and result.error.outage is outage
