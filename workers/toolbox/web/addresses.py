"""Addresses of pages: as they are written, and when two of them mean the same page. Pure; the guard decides where to."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, urldefrag, urlencode, urljoin, urlsplit

UP_TO_PATH = re.compile(r"[a-z]+://[^/?#\\]*[/?]", re.IGNORECASE)
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
NOT_IN_LINKS = re.compile(r"[^!-~]+|[\"<>\\^`{|}]")
FOLLOWS = re.compile(
    r"(utm_\w+|gclid|fbclid|msclkid|mc_cid|mc_eid)", re.IGNORECASE
)  # who came from where, not which page
DEFAULT_PORTS = {"http": 80, "https": 443}


def written(url: str) -> str:
    """
    An address as people copy it, in the form that the guard takes: the path's other letters encoded, and without the
    part after #, which is never sent. Nothing before the path is touched.
    """
    front = UP_TO_PATH.match(url)
    if front is None:
        return url
    return front.group() + NOT_ASCII.sub(_quoted, url[front.end() :].partition("#")[0])


def linked(base: str, href: str) -> str | None:
    """The page that a link on the page `base` leads to; None: to none."""
    try:
        url = urldefrag(urljoin(base, href.strip())).url
        return NOT_IN_LINKS.sub(_quoted, url) if urlsplit(url).scheme in DEFAULT_PORTS else None
    except ValueError:
        return None


def key(url: str) -> str:
    """
    Equal for addresses of one page, whatever scheme, order of parameters and marks of campaigns.

    >>> key("HTTP://Example.com:80/a?b=1&a=2&utm_source=x#y") == key("https://example.com/a?a=2&b=1")
    True
    """
    parts = urlsplit(url)
    query = sorted(pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not FOLLOWS.fullmatch(pair[0]))
    return f"{site(url)}{parts.path or '/'}?{urlencode(query)}"


def site(url: str) -> str:
    """
    Host and port: what links may not leave.

    Raises:
        ValueError: not an address.
    """
    parts = urlsplit(url)
    port = parts.port
    return (parts.hostname or "") + ("" if port in (None, *DEFAULT_PORTS.values()) else f":{port}")


def origin(url: str) -> str:
    """Where the site's robots.txt is."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _quoted(found: re.Match[str]) -> str:
    return quote(found.group())
