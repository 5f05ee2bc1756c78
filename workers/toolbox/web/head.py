"""Whether a page is read, by its status and headers alone, before any of its body. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from workers.toolbox.web.page import KindRefused, StatusRefused, TooLarge

READ = re.compile(r"text/[\w.+-]+|application/(xhtml\+xml|json|xml|[\w.-]+\+(json|xml))")
COMPRESSIONS = ("", "identity", "gzip", "x-gzip", "deflate")
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """`charset` is empty where the server names none."""

    media_type: str
    charset: str
    compression: str


def check(status: int, headers: Mapping[str, str]) -> None:
    """
    Raises:
        StatusRefused, KindRefused
    """
    if not 200 <= status < 300:
        raise StatusRefused(status)
    head = head_of(headers)
    if not READ.fullmatch(head.media_type):
        told = f"{head.media_type[:80]}" if head.media_type else "of a kind that it does not name"
        raise KindRefused(f"It is {told}; what is read is HTML, text, JSON and XML")
    if head.compression not in COMPRESSIONS:
        raise KindRefused(f"It is compressed as {head.compression[:40]}, which was not asked for")


def check_file(status: int, headers: Mapping[str, str], *, limit_bytes: int) -> None:
    """
    Of a file that is kept as it is: any kind, not compressed on the way.

    Raises:
        StatusRefused, KindRefused, TooLarge
    """
    if not 200 <= status < 300:
        raise StatusRefused(status)
    compression = head_of(headers).compression
    if compression not in ("", "identity"):
        raise KindRefused(f"It is compressed as {compression[:40]}, which was not asked for")
    size = headers.get("content-length", "")
    if size.isascii() and size.isdigit() and int(size[:20]) > limit_bytes:
        raise TooLarge(limit_bytes)


def head_of(headers: Mapping[str, str]) -> Head:
    kind = headers.get("content-type", "")
    charset = CHARSET.search(kind)
    compression = headers.get("content-encoding", "").strip().lower()
    return Head(kind.partition(";")[0].strip().lower(), charset.group(1) if charset else "", compression)
