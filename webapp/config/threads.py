"""Serves a WSGI application inside an ASGI server: one change of thread for each request and one back.

a2wsgi builds the environment; its own responder crosses between loop and thread for every piece of a response,
which cost a third of the requests (benchmarks/web.py). Responses are collected in memory, so nothing that is large may
go this way; what takes long or streams is left to the event loop (webapp/api/later.py).
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, cast

from a2wsgi.wsgi import build_environ

from webapp.api.later import LATER, Head, Later

Scope = dict[str, Any]
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]


class TooLarge(Exception):
    """The body has passed the limit."""


class Threads:
    def __init__(self, wsgi: Wsgi, *, threads: int, body_limit_bytes: int) -> None:
        self._wsgi, self._limit = wsgi, body_limit_bytes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web")

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            body = await self._read(receive)
        except TooLarge:
            await _refuse(send, f"The body is too large; the limit is {self._limit} bytes")
            return
        if body is None:
            return
        environ = build_environ(scope, io.BytesIO(body))  # type: ignore[arg-type]
        loop = asyncio.get_running_loop()
        status, headers, content = await loop.run_in_executor(self._pool, self._answer, environ)
        if later := environ.get(LATER):
            await _finish(cast(Later, later), headers, receive, send)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, environ: Any) -> tuple[int, Headers, bytes]:
        """In a thread, from end to end."""
        begun: list[tuple[int, Headers]] = []

        def start(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
            lowered = [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in headers]
            begun.append((int(status.split(" ", 1)[0]), lowered))

        answer = self._wsgi(environ, start)
        try:
            content = b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        return (*begun[-1], content)

    async def _read(self, receive: Any) -> bytes | None:
        """
        The whole body; None when the client left before it was sent.

        Raises:
            TooLarge: as soon as the limit is passed; the rest is not read.
        """
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._limit:
                raise TooLarge
            if not message.get("more_body"):
                return bytes(body)


async def _finish(later: Later, headers: Headers, receive: Any, send: Any) -> None:
    """Send what the view has left to be waited for; tell it when the client leaves before its end."""
    sending = asyncio.create_task(_send(later, headers, send))
    leaving = asyncio.create_task(_leave(receive))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and not sending.exception():
            return
        sending.cancel()
        await later.left()
        if sending.done():
            sending.result()
    finally:
        sending.cancel()
        leaving.cancel()


async def _leave(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(later: Later, headers: Headers, send: Any) -> None:
    kept = [(name, value) for name, value in headers if name not in (b"content-type", b"content-length")]
    async with aclosing(later.answer()) as pieces:
        async for piece in pieces:
            if isinstance(piece, Head):
                given = (
                    piece.headers if piece.length is None else {**piece.headers, "content-length": str(piece.length)}
                )
                kept += [(name.lower().encode("latin1"), value.encode("latin1")) for name, value in given.items()]
                await send({"type": "http.response.start", "status": piece.status, "headers": kept})
            else:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Any, text: str) -> None:
    headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"error": text}).encode()})
