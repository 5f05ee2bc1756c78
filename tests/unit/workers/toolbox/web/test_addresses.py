"""When two addresses mean one page, and how addresses that people write come to be ones that the guard takes."""

from __future__ import annotations

import pytest

from workers.toolbox.web.addresses import key, linked, site, written
from workers.toolbox.web.choosing import chosen
from workers.toolbox.web.page import Link, Page


@pytest.mark.parametrize(
    "same",
    [
        "http://example.com/a?b=1&c=2",
        "HTTPS://EXAMPLE.com/a?c=2&b=1",
        "https://example.com:443/a?b=1&c=2#part",
        "https://example.com/a?b=1&utm_source=news&c=2&fbclid=x",
    ],
)
def test_one_page_has_one_key(same: str) -> None:
    assert key(same) == key("https://example.com/a?b=1&c=2")


@pytest.mark.parametrize(
    "other", ["https://example.com/a", "https://example.com/A?b=1", "https://example.com:8443/a?b=1"]
)
def test_other_pages_have_other_keys(other: str) -> None:
    assert key(other) != key("https://example.com/a?b=1") and key("https://a.example/") == key("https://a.example")


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://example.com/a#part", "https://example.com/a"),
        ("https://example.com/wald/bäume?q=ö", "https://example.com/wald/b%C3%A4ume?q=%C3%B6"),
        ("https://example.com#@127.0.0.1/", "https://example.com#@127.0.0.1/"),
        ("https://bäume.example/", "https://bäume.example/"),
        ("https://example.com\\@127.0.0.1/#a", "https://example.com\\@127.0.0.1/#a"),
        ("https://example.com/a b\r\n", "https://example.com/a b\r\n"),
        ("no address", "no address"),
    ],
)
def test_only_what_is_after_the_host_is_put_in_order(given: str, asked: str) -> None:
    assert written(given) == asked


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/b", "https://example.com/b"),
        ("b?c=d e#f", "https://example.com/a/b?c=d%20e"),
        (" //other.example/x ", "https://other.example/x"),
        ("mailto:a@b.example", None),
        ("javascript:alert(1)", None),
        ("http://[::1", None),
    ],
)
def test_links_lead_to_pages_or_nowhere(href: str, url: str | None) -> None:
    assert linked("https://example.com/a/", href) == url


def test_pages_are_chosen_by_path_then_words_then_order() -> None:
    links = [
        ("/x", "More"),
        ("/team", "Who we are"),
        ("/cost", "Prices for teams"),
        ("//elsewhere.example/team", "team"),
        ("/", "Home"),
    ]
    page = Page(
        "https://example.com/",
        "text/html",
        "",
        "",
        "",
        tuple(Link(str(linked("https://example.com/", h)), t) for h, t in links),
        True,
    )
    found = chosen(page, paths=["/about", "/x"], keywords="team prices", limit=10)
    assert [url.removeprefix("https://example.com") for url in found] == ["/about", "/x", "/team", "/cost"]
    assert len(chosen(page, paths=[], keywords="", limit=2)) == 2 and site(found[0]) == "example.com"
