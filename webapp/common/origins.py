"""Whether a browser's request comes from a page of ours. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit


def is_of(origin: str, host: str) -> bool:
    """
    Args:
        origin, host: the headers, as they came.

    >>> is_of("https://hartley.example", "hartley.example"), is_of("null", "hartley.example"), is_of("http://[", "[")
    (True, False, False)
    """
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:
        return False
