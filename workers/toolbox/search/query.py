"""A question to a search provider and what is found, in words that all of them share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Period = Literal["day", "week", "month", "year"]
SNIPPET_CHARS, TITLE_CHARS = 600, 300


@dataclass(frozen=True)
class Query:
    """
    Attributes:
        site: a host that all results are on; empty: any.
        country: two letters, lower case; `language` too. Empty: the provider's own choice.
        today: from which `period` counts back.
    """

    text: str
    most: int
    today: date
    site: str = ""
    country: str = ""
    language: str = ""
    period: Period | None = None

    @property
    def with_site(self) -> str:
        return f"{self.text} site:{self.site}" if self.site else self.text


@dataclass(frozen=True)
class Request:
    """`path` begins with a slash and comes after the provider's base address."""

    method: Literal["GET", "POST"]
    path: str
    headers: Mapping[str, str]
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Found:
    url: str
    title: str
    snippet: str
    published: str = ""

    def to_json(self) -> dict[str, str]:
        return {"url": self.url, "title": self.title, "snippet": self.snippet, "published": self.published}


@dataclass(frozen=True)
class Provider:
    """
    Attributes:
        base: where it is asked unless the operator says otherwise; empty: the operator must.
        request: with the key, which is empty for one that needs none.
        read: of its parsed answer.
    """

    name: str
    base: str
    needs_key: bool
    request: Callable[[Query, str], Request]
    read: Callable[[Any], list[Found]]


def found(rows: object, *, url: str, title: str, snippet: str, published: str) -> list[Found]:
    """
    Results by the names that a provider has for their parts; rows without an address are left out.

    Raises:
        ValueError: that is no list of results.
    """
    if not isinstance(rows, list):
        raise ValueError("no list of results")
    return [
        Found(
            row[url], _text(row, title)[:TITLE_CHARS], _text(row, snippet)[:SNIPPET_CHARS], _text(row, published)[:40]
        )
        for row in rows
        if isinstance(row, dict) and isinstance(row.get(url), str) and row[url].startswith(("http://", "https://"))
    ]


def part(answer: Any, *names: str) -> Any:
    """
    A part of an answer; an empty list where it is not there, as providers leave out what they found nothing of.

    Raises:
        ValueError: it is no object.
    """
    for name in names:
        if not isinstance(answer, dict):
            raise ValueError("no object")
        answer = answer.get(name) or ([] if name == names[-1] else {})
    return answer


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return " ".join(value.split()) if isinstance(value, str) else ""
