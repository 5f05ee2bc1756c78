"""Which pages of a site are read beside the one that was named. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workers.toolbox.web.addresses import key, linked, site
from workers.toolbox.web.page import Link, Page

WORD = re.compile(r"\w+")


def inner_links(page: Page, of_site: str) -> list[Link]:
    """Those that stay on the site, without the page itself, none twice."""
    found: dict[str, Link] = {}
    for link in page.links:
        try:
            if site(link.url) == of_site and key(link.url) != key(page.url):
                found.setdefault(key(link.url), link)
        except ValueError:
            continue  # no address that could be asked
    return list(found.values())


def chosen(page: Page, *, paths: Sequence[str], keywords: str, limit: int) -> list[str]:
    """
    Addresses on the page's site: first `paths`, linked or not, then links, those first whose address or text has most of
    the keywords, of equals the one that comes first.
    """
    of_site = site(page.url)
    named = [url for path in paths if (url := _below(page.url, path)) and site(url) == of_site]
    words = set(_words(keywords))
    links = sorted(inner_links(page, of_site), key=lambda link: -len(words & set(_words(f"{link.url} {link.text}"))))
    found: dict[str, str] = {}
    for url in [*named, *(link.url for link in links)]:
        if key(url) != key(page.url):
            found.setdefault(key(url), url)
    return list(found.values())[:limit]


def _below(url: str, path: str) -> str | None:
    return linked(url, "/" + path.lstrip("/"))


def _words(text: str) -> list[str]:
    return [word.lower() for word in WORD.findall(text)]
