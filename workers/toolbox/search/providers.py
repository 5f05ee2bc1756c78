"""The search providers that Hartley can ask, each by its documented protocol. Pure."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from workers.toolbox.search.query import Found, Period, Provider, Query, Request, found, part

DAYS: dict[Period, int] = {"day": 1, "week": 7, "month": 31, "year": 366}
GOOGLE_PERIODS: dict[Period, str] = {"day": "qdr:d", "week": "qdr:w", "month": "qdr:m", "year": "qdr:y"}
BRAVE_PERIODS: dict[Period, str] = {"day": "pd", "week": "pw", "month": "pm", "year": "py"}
BRAVE_MOST = 20


def _get(path: str, parameters: dict[str, str | int | None], **headers: str) -> Request:
    given = {name: value for name, value in parameters.items() if value not in (None, "")}
    return Request("GET", f"{path}?{urlencode(given)}", {"Accept": "application/json", **headers})


def _post(path: str, body: dict[str, Any], headers: dict[str, str]) -> Request:
    given = {name: value for name, value in body.items() if value not in (None, "")}
    return Request("POST", path, {"Content-Type": "application/json", **headers}, json.dumps(given).encode())


def _period(query: Query, words: dict[Period, str]) -> str | None:
    return words[query.period] if query.period else None


# --- Google's results, by way of others ---


def _ask_serper(query: Query, key: str) -> Request:
    body = {
        "q": query.with_site,
        "num": query.most,
        "gl": query.country,
        "hl": query.language,
        "tbs": _period(query, GOOGLE_PERIODS),
    }
    return _post("/search", body, {"X-API-KEY": key})


def _read_serper(answer: Any) -> list[Found]:
    return found(part(answer, "organic"), url="link", title="title", snippet="snippet", published="date")


def _ask_serpapi(query: Query, key: str) -> Request:
    parameters: dict[str, str | int | None] = {
        "engine": "google",
        "q": query.with_site,
        "num": query.most,
        "gl": query.country,
        "hl": query.language,
        "tbs": _period(query, GOOGLE_PERIODS),
        "api_key": key,
    }
    return _get("/search.json", parameters)


def _ask_searchapi(query: Query, key: str) -> Request:
    parameters: dict[str, str | int | None] = {
        "engine": "google",
        "q": query.with_site,
        "num": query.most,
        "gl": query.country,
        "hl": query.language,
        "time_period": f"last_{query.period}" if query.period else None,
    }
    return _get("/api/v1/search", parameters, Authorization=f"Bearer {key}")


def _read_organic(answer: Any) -> list[Found]:
    return found(part(answer, "organic_results"), url="link", title="title", snippet="snippet", published="date")


# --- Those with an index of their own ---


def _ask_brave(query: Query, key: str) -> Request:
    parameters: dict[str, str | int | None] = {
        "q": query.with_site,
        "count": min(query.most, BRAVE_MOST),
        "country": query.country.upper(),
        "search_lang": query.language,
        "freshness": _period(query, BRAVE_PERIODS),
        "text_decorations": "false",
    }
    return _get("/res/v1/web/search", parameters, **{"X-Subscription-Token": key})


def _read_brave(answer: Any) -> list[Found]:
    return found(part(answer, "web", "results"), url="url", title="title", snippet="description", published="page_age")


def _ask_exa(query: Query, key: str) -> Request:
    since = f"{query.today - timedelta(DAYS[query.period])}T00:00:00.000Z" if query.period else None
    body = {
        "query": query.text,
        "numResults": query.most,
        "includeDomains": [query.site] if query.site else None,
        "startPublishedDate": since,
        "userLocation": query.country.upper(),
        "contents": {"text": {"maxCharacters": 600}},
    }
    return _post("/search", body, {"x-api-key": key})


def _read_exa(answer: Any) -> list[Found]:
    return found(part(answer, "results"), url="url", title="title", snippet="text", published="publishedDate")


def _ask_firecrawl(query: Query, key: str) -> Request:
    body = {
        "query": query.with_site,
        "limit": query.most,
        "sources": ["web"],
        "country": query.country.upper(),
        "tbs": _period(query, GOOGLE_PERIODS),
    }
    return _post("/v2/search", body, {"Authorization": f"Bearer {key}"})


def _read_firecrawl(answer: Any) -> list[Found]:
    return found(part(answer, "data", "web"), url="url", title="title", snippet="description", published="date")


# --- One's own ---


def _ask_searxng(query: Query, key: str) -> Request:
    language = "-".join(filter(None, (query.language, query.country.upper() if query.language else "")))
    parameters: dict[str, str | int | None] = {
        "q": query.with_site,
        "format": "json",
        "language": language,
        "time_range": query.period,
    }
    return _get("/search", parameters)


def _read_searxng(answer: Any) -> list[Found]:
    return found(part(answer, "results"), url="url", title="title", snippet="content", published="publishedDate")


PROVIDERS = (
    Provider("serper", "https://google.serper.dev", True, _ask_serper, _read_serper),
    Provider("serpapi", "https://serpapi.com", True, _ask_serpapi, _read_organic),
    Provider("searchapi", "https://www.searchapi.io", True, _ask_searchapi, _read_organic),
    Provider("brave", "https://api.search.brave.com", True, _ask_brave, _read_brave),
    Provider("exa", "https://api.exa.ai", True, _ask_exa, _read_exa),
    Provider("firecrawl", "https://api.firecrawl.dev", True, _ask_firecrawl, _read_firecrawl),
    Provider("searxng", "", False, _ask_searxng, _read_searxng),
)
NAMES = tuple(provider.name for provider in PROVIDERS)
