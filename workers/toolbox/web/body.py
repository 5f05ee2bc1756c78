"""Bytes of a page as text: decompressed within a limit, decoded by what the page says of itself. Pure, and it may be slow."""

from __future__ import annotations

import codecs
import re
import zlib

from charset_normalizer import from_bytes

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
DECLARED_WITHIN = 2048
GUESSED_FROM = 20_000
WIDER = dict.fromkeys(("iso-8859-1", "iso8859-1", "latin-1", "latin1", "us-ascii", "ascii"), "cp1252")  # as browsers do


class BodyBroken(ValueError):
    """It is not what its header says it is."""


def decompressed(body: bytes, compression: str, limit_bytes: int) -> tuple[bytes, bool]:
    """
    At most `limit_bytes`, and whether that is all of it.

    Raises:
        BodyBroken
    """
    if compression in ("", "identity"):
        return body, True
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 32 if compression != "deflate" or body[:1] == b"\x78" else -15)
    try:
        found = unpacking.decompress(body, limit_bytes)
    except zlib.error:
        raise BodyBroken("It is not compressed as its header says") from None
    return found, unpacking.eof


def decoded(body: bytes, charset: str) -> str:
    """What can't be read becomes the replacement character."""
    for mark, name in MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    for name in filter(None, (charset, _declared(body), "utf-8")):
        try:
            return body.decode(WIDER.get(name.lower(), name))
        except UnicodeDecodeError as error:
            if error.start >= len(body) - 4:  # cut in the middle of a letter
                return body.decode(name, "replace")
        except (LookupError, ValueError):
            continue  # no charset that there is
    guessed = from_bytes(body[:GUESSED_FROM]).best()
    return body.decode(guessed.encoding if guessed else "utf-8", "replace")


def _declared(body: bytes) -> str:
    found = DECLARED.search(body[:DECLARED_WITHIN])
    return found.group(1).decode("ascii", "replace") if found else ""
