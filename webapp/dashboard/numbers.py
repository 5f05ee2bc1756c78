"""Numbers of an address. Pure."""

from __future__ import annotations


def whole(given: str) -> int | None:
    """A whole number, or nothing: what is no number must not end up in an address that a page asks for."""
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else None
