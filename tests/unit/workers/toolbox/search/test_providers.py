"""Each provider is asked and read as it documents."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings

from tests.unit.workers.toolbox.search.answers import ANSWERS, EMPTY, FIRST, SECOND
from workers.toolbox.search.providers import NAMES, PROVIDERS
from workers.toolbox.search.query import Found, Provider, Query, Request

QUERY = Query("oak trees", 15, date(2024, 3, 10), site="example.com", country="de", language="en", period="week")
PLAIN = Query("oak trees", 5, date(2024, 3, 10))
KNOWN = {provider.name: provider for provider in PROVIDERS}


def sent(request: Request) -> dict[str, Any]:
    """The parameters, wherever they travel."""
    if request.content is not None:
        return dict(json.loads(request.content))
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def test_the_settings_know_the_providers_that_there_are() -> None:
    assert settings.SEARCH_NAMES == NAMES == tuple(ANSWERS)


@pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)
def test_results_are_read_from_the_documented_answer(provider: Provider) -> None:
    first, second = provider.read(ANSWERS[provider.name])
    assert first.url == FIRST and first.title == "Oak - Wikipedia"
    assert first.snippet == "An oak is a hardwood tree or shrub in the genus Quercus."
    assert second == Found(SECOND, "Oak trees", "Owls nest in oaks.", "")


@pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)
def test_nothing_found_is_an_answer(provider: Provider) -> None:
    assert provider.read(EMPTY[provider.name]) == []


@pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)
@pytest.mark.parametrize(
    "answer", [[], "no", 3, None, {"organic": 1, "organic_results": 1, "web": 1, "data": 1, "results": 1}]
)
def test_what_is_no_answer_is_not_taken_for_one(provider: Provider, answer: object) -> None:
    with pytest.raises(ValueError):
        provider.read(answer)


@pytest.mark.parametrize(
    ("name", "path", "asked"),
    [
        ("serper", "/search", {"q": "oak trees site:example.com", "num": 15, "gl": "de", "hl": "en", "tbs": "qdr:w"}),
        ("serpapi", "/search.json", {"engine": "google", "q": "oak trees site:example.com", "num": "15", "gl": "de", "hl": "en", "tbs": "qdr:w", "api_key": "k-1"}),
        ("searchapi", "/api/v1/search", {"engine": "google", "q": "oak trees site:example.com", "num": "15", "gl": "de", "hl": "en", "time_period": "last_week"}),
        ("brave", "/res/v1/web/search", {"q": "oak trees site:example.com", "count": "15", "country": "DE", "search_lang": "en", "freshness": "pw", "text_decorations": "false"}),
        ("exa", "/search", {"query": "oak trees", "numResults": 15, "includeDomains": ["example.com"], "startPublishedDate": "2024-03-03T00:00:00.000Z", "userLocation": "DE", "contents": {"text": {"maxCharacters": 600}}}),
        ("firecrawl", "/v2/search", {"query": "oak trees site:example.com", "limit": 15, "sources": ["web"], "country": "DE", "tbs": "qdr:w"}),
        ("searxng", "/search", {"q": "oak trees site:example.com", "format": "json", "language": "en-DE", "time_range": "week"}),
    ],
)  # fmt: skip
def test_a_question_is_put_in_the_providers_words(name: str, path: str, asked: dict[str, Any]) -> None:
    request = KNOWN[name].request(QUERY, "k-1")
    assert request.path.partition("?")[0] == path and sent(request) == asked


@pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)
def test_what_is_not_asked_for_is_left_to_the_provider(provider: Provider) -> None:
    request = sent(provider.request(PLAIN, "k-1"))
    assert not {"gl", "hl", "tbs", "country", "language", "freshness", "time_period", "time_range"} & set(request)
    assert None not in request.values() and "" not in request.values()


def test_keys_travel_as_each_provider_wants_them() -> None:
    places = {
        "serper": "X-API-KEY", "searchapi": "Authorization", "brave": "X-Subscription-Token", "exa": "x-api-key",
        "firecrawl": "Authorization",
    }  # fmt: skip
    for name, header in places.items():
        request = KNOWN[name].request(PLAIN, "k-1")
        assert request.headers[header].removeprefix("Bearer ") == "k-1" and "k-1" not in request.path
    assert "k-1" not in repr(KNOWN["searxng"].request(PLAIN, "k-1"))
