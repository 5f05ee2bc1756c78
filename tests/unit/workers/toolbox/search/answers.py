"""Answers of search providers in the form that each documents, shortened; all of them found the same two pages."""

from __future__ import annotations

from typing import Any

FIRST, SECOND = "https://en.wikipedia.org/wiki/Oak", "https://www.woodlandtrust.org.uk/oak"

GOOGLE_ROWS = [
    {
        "position": 1,
        "title": "Oak - Wikipedia",
        "link": FIRST,
        "displayed_link": "https://en.wikipedia.org › wiki › Oak",
        "snippet": "An oak is a hardwood tree or shrub in the genus Quercus.",
        "date": "Mar 5, 2024",
        "sitelinks": {"inline": [{"title": "History", "link": "https://en.wikipedia.org/wiki/Oak#History"}]},
    },
    {"position": 2, "title": "Oak trees", "link": SECOND, "snippet": "Owls nest in oaks."},
]

ANSWERS: dict[str, Any] = {
    "serper": {
        "searchParameters": {"q": "oak", "type": "search", "num": 10, "engine": "google"},
        "organic": [{k: v for k, v in row.items() if k != "displayed_link"} for row in GOOGLE_ROWS],
        "relatedSearches": [{"query": "oak tree"}],
        "credits": 1,
    },
    "serpapi": {
        "search_metadata": {"id": "6", "status": "Success"},
        "search_parameters": {"engine": "google", "q": "oak"},
        "organic_results": GOOGLE_ROWS,
    },
    "searchapi": {
        "search_metadata": {"id": "search_1", "status": "Success"},
        "search_parameters": {"engine": "google", "q": "oak"},
        "organic_results": [{**row, "domain": "en.wikipedia.org"} for row in GOOGLE_ROWS],
    },
    "brave": {
        "type": "search",
        "query": {"original": "oak", "more_results_available": True},
        "web": {
            "type": "search",
            "results": [
                {
                    "title": "Oak - Wikipedia",
                    "url": FIRST,
                    "description": "An oak is a hardwood tree or shrub in the genus Quercus.",
                    "page_age": "2024-03-05T10:00:00",
                    "profile": {"name": "Wikipedia"},
                },
                {"title": "Oak trees", "url": SECOND, "description": "Owls nest in oaks.", "extra_snippets": []},
            ],
        },
    },
    "exa": {
        "requestId": "b5947044c4b78efa9552a7c89b306d95",
        "resolvedSearchType": "auto",
        "results": [
            {
                "id": FIRST,
                "title": "Oak - Wikipedia",
                "url": FIRST,
                "publishedDate": "2024-03-05T00:00:00.000Z",
                "author": "",
                "text": "An oak is a hardwood tree or shrub\n\n in the genus Quercus.",
            },
            {"id": SECOND, "title": "Oak trees", "url": SECOND, "publishedDate": None, "text": "Owls nest in oaks."},
        ],
    },
    "firecrawl": {
        "success": True,
        "data": {
            "web": [
                {
                    "url": FIRST,
                    "title": "Oak - Wikipedia",
                    "description": "An oak is a hardwood tree or shrub in the genus Quercus.",
                    "position": 1,
                },
                {"url": SECOND, "title": "Oak trees", "description": "Owls nest in oaks.", "position": 2},
            ]
        },
    },
    "searxng": {
        "query": "oak",
        "number_of_results": 0,
        "results": [
            {
                "url": FIRST,
                "title": "Oak - Wikipedia",
                "content": "An oak is a hardwood tree or shrub in the genus Quercus.",
                "publishedDate": "2024-03-05T10:00:00",
                "engine": "duckduckgo",
                "engines": ["duckduckgo", "brave"],
                "score": 4.0,
            },
            {"url": SECOND, "title": "Oak trees", "content": "Owls nest in oaks.", "publishedDate": None},
            {"title": "No address", "content": "Left out."},
        ],
        "answers": [],
        "unresponsive_engines": [["google", "CAPTCHA"]],
    },
}
EMPTY: dict[str, Any] = {
    "serper": {"searchParameters": {"q": "oak"}, "organic": []},
    "serpapi": {
        "search_metadata": {"status": "Success"},
        "error": "Google hasn't returned any results for this query.",
    },
    "searchapi": {"search_metadata": {"status": "Success"}},
    "brave": {"type": "search", "query": {"original": "oak"}},
    "exa": {"results": []},
    "firecrawl": {"success": True, "data": {"web": []}},
    "searxng": {"query": "oak", "results": []},
}
