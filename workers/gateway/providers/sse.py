"""
Server-sent events, read thinly: of ten thousand open streams each chunk costs, so nothing stands between the socket
and the text but what the format asks for. Source: https://html.spec.whatwg.org/multipage/server-sent-events.html

Names of events, ids and comments are passed over: what the protocols need stands in the data.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import httpx2

NO_HEADERS = httpx2.Headers()
NO_REQUEST = httpx2.Request("POST", "http://sent.invalid")
DONE = b"[DONE]"
DRAIN_S = 0.1  # for what follows the last event, so that the connection can be used again


class Splitter:
    """Bytes in, as they come; the data of each whole event out. What is left without its blank line is dropped."""

    __slots__ = ("_after_cr", "_data", "_rest")

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        if self._after_cr or b"\r" in piece:
            piece = self._with_plain_ends(piece)
        *lines, rest = piece.split(b"\n")
        if lines and self._rest:
            lines[0] = b"".join([*self._rest, lines[0]])
            self._rest.clear()
        if rest:
            self._rest.append(rest)
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> bytes | None:
        """The event's data, when the line is the blank one that ends it."""
        if line.startswith(b"data:"):
            self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif not line and self._data:
            event = b"\n".join(self._data)
            self._data.clear()
            return event or None
        return None

    def _with_plain_ends(self, piece: bytes) -> bytes:
        """Lines may end in CR, LF or both, and the two may come apart."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
            self._after_cr = False
        if piece:
            self._after_cr = piece.endswith(b"\r")
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


async def events(response: httpx2.Response) -> AsyncIterator[bytes]:
    """
    The data of each event, up to `[DONE]` or the end of the body.

    Raises:
        httpx2.HTTPError, aiohttp.ClientError: the connection broke.
    """
    body = _body(response)
    splitter = Splitter()
    async for piece in body:
        for event in splitter.feed(piece):
            if event.startswith(DONE):
                await _drain(body)
                return
            yield event


def _body(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The transport's own bytes; through the decoders only what is encoded."""
    if "content-encoding" in response.headers or not isinstance(response.stream, httpx2.AsyncByteStream):
        return response.aiter_bytes()
    body = aiter(response.stream)
    response.headers, response.request = NO_HEADERS, NO_REQUEST  # 8 kB of each stream that nobody needs any more
    return body


async def _drain(body: AsyncIterator[bytes]) -> None:
    """The answer is complete: nothing that happens now is an error."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in body:
                pass
    except (TimeoutError, httpx2.HTTPError, aiohttp.ClientError):
        pass
