"""
The only way out for Chromium: an HTTP proxy on this machine whose every connection passes the guard of egress.py.

Names are looked up here, once, and the socket goes to an address that was checked. Plain HTTP is asked anew with httpcore,
one request at a time; TLS and websockets pass through a tunnel (CONNECT) to a checked address. h11 reads what Chromium says.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import h11
import httpcore2
import structlog

from webapp.common.addresses import Reach, Target
from workers.toolbox.egress import AddressRefused, Resolve, guarded_pool, guarded_sockets

log = structlog.get_logger()

CHUNK = 65_536
CONNECT_S = 10.0
IDLE_S = 60.0  # without a byte
ABSOLUTE = re.compile(rb"http://([^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)
OF_ONE_HOP = frozenset((
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
))  # fmt: skip
REFUSED = "hartley; error=destination_ip_prohibited"  # the header Proxy-Status, RFC 9209
AWAY = "hartley; error=destination_unavailable"
BROKEN = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError, TimeoutError)

Headers = list[tuple[bytes, bytes]]
Read = Callable[[], Any]


class TooMuch(Exception):
    """More bytes came through a connection than may."""


class Proxy:
    """
    Args:
        connections: from Chromium at once; further ones wait.
        connection_bytes: through one connection, each way; then it is cut.
    """

    def __init__(
        self, reach: Reach, *, connections: int, connection_bytes: int, resolve: Resolve | None = None
    ) -> None:
        self._reach, self._most = reach, connection_bytes
        self._sockets = guarded_sockets(reach, resolve=resolve)
        self._pool = guarded_pool(reach, connections=connections, resolve=resolve)
        self._free = asyncio.Semaphore(connections)
        self._server: asyncio.Server | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Its address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for each in list(self._running):
            each.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._pool.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._running.add(task)
        try:
            async with self._free:
                await self._talk(_Client(reader, writer))
        except (h11.ProtocolError, TooMuch, asyncio.CancelledError, *BROKEN):
            pass  # cut: Chromium sees a connection that broke
        finally:
            self._running.discard(task)
            writer.close()

    async def _talk(self, client: _Client) -> None:
        while isinstance(asked := await client.event(), h11.Request):
            if not _has_body(asked):
                await client.event()  # its end
            if asked.method == b"CONNECT":
                return await self._tunnel(client, asked)
            await self._forward(client, asked)
            if not client.again():
                return

    async def _tunnel(self, client: _Client, asked: h11.Request) -> None:
        try:
            target = self._reach.target(f"https://{asked.target.decode('ascii')}/")
            stream = await self._sockets.connect_tcp(target.host, target.port, CONNECT_S)
        except AddressRefused as error:
            return await client.refuse(403, REFUSED, error)
        except BROKEN as error:
            return await client.refuse(502, AWAY, error)
        try:
            await client.send(h11.Response(status_code=200, headers=[]))
            await self._carry(client, stream)
        finally:
            await stream.aclose()

    async def _carry(self, client: _Client, stream: httpcore2.AsyncNetworkStream) -> None:
        """Until either side has said its last, or nobody says anything."""
        there = asyncio.create_task(self._one_way(client.more, lambda data: stream.write(data, IDLE_S)))
        back = asyncio.create_task(self._one_way(lambda: stream.read(CHUNK, IDLE_S), client.write))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in (there, back):
                way.cancel()
            await asyncio.gather(there, back, return_exceptions=True)

    async def _one_way(self, read: Read, write: Callable[[bytes], Any]) -> None:
        left = self._most
        while data := await read():
            if (left := left - len(data)) < 0:
                raise TooMuch
            await write(data)

    async def _forward(self, client: _Client, asked: h11.Request) -> None:
        try:
            target, path = self._asked(asked)
            url = httpcore2.URL(scheme=b"http", host=target.host.encode(), port=target.port, target=path)
            headers = [(b"Host", target.authority.encode()), *_onward(asked.headers, but=b"host")]
            async with self._pool.stream(
                asked.method, url, headers=headers, content=client.body(self._most) if _has_body(asked) else None,
                extensions={"timeout": {"connect": CONNECT_S, "read": IDLE_S, "write": IDLE_S, "pool": IDLE_S}},
            ) as answer:  # fmt: skip
                await self._answer(client, answer)
        except AddressRefused as error:
            await client.refuse(403, REFUSED, error)
        except BROKEN as error:
            if client.answered:
                raise
            await client.refuse(502, AWAY, error)

    def _asked(self, asked: h11.Request) -> tuple[Target, bytes]:
        """
        Raises:
            AddressRefused
        """
        parts = ABSOLUTE.fullmatch(asked.target)
        if not parts:
            raise AddressRefused("The address must be a whole one")
        path = parts[2].partition(b"#")[0]
        return self._reach.target(f"http://{parts[1].decode('latin-1')}/"), path if path.startswith(
            b"/"
        ) else b"/" + path

    async def _answer(self, client: _Client, answer: httpcore2.Response) -> None:
        await client.send(h11.Response(status_code=answer.status, headers=_onward(answer.headers)))
        left = self._most
        async for data in answer.aiter_stream():
            if (left := left - len(data)) < 0:
                raise TooMuch
            await client.send(h11.Data(data=data))
        await client.send(h11.EndOfMessage())


class _Client:
    """One connection of Chromium's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._said = reader, writer, h11.Connection(h11.SERVER)
        self._early_read = False

    @property
    def answered(self) -> bool:
        return self._said.our_state not in (h11.IDLE, h11.SEND_RESPONSE)

    async def event(self) -> Any:
        while (event := self._said.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(IDLE_S):
                self._said.receive_data(await self._reader.read(CHUNK))
        return event

    async def body(self, most: int) -> AsyncIterator[bytes]:
        while isinstance(event := await self.event(), h11.Data):
            if (most := most - len(event.data)) < 0:
                raise TooMuch
            yield bytes(event.data)

    async def more(self) -> bytes:
        """What is said in a tunnel; first what came along with the request for it."""
        early, _ = self._said.trailing_data
        if early and not self._early_read:
            self._early_read = True
            return bytes(early)
        async with asyncio.timeout(IDLE_S):
            return await self._reader.read(CHUNK)

    async def send(self, event: h11.Event) -> None:
        await self.write(self._said.send(event) or b"")

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def refuse(self, status: int, why: str, error: BaseException) -> None:
        """In our words: nothing of the other side is told."""
        log.debug("browser.not_reached", status=status, reason=str(error) if status == 403 else "")
        told = str(error).encode("ascii", "replace") if status == 403 else b"It could not be reached"
        headers = [("Content-Length", str(len(told))), ("Content-Type", "text/plain"), ("Proxy-Status", why)]
        await self.send(h11.Response(status_code=status, headers=[*headers, ("Connection", "close")]))
        with suppress(h11.LocalProtocolError):  # to HEAD no body is sent
            await self.send(h11.Data(data=told))
        await self.send(h11.EndOfMessage())

    def again(self) -> bool:
        """Whether a further request may come."""
        if self._said.our_state is not h11.DONE or self._said.their_state is not h11.DONE:
            return False
        self._said.start_next_cycle()
        return True


def _onward(headers: Any, but: bytes = b"") -> Headers:
    """Those that are not of one connection alone."""
    named = {
        word.strip().lower() for name, value in headers if name.lower() == b"connection" for word in value.split(b",")
    }
    left_out = OF_ONE_HOP | named | {but}
    return [(name, value) for name, value in headers if name.lower() not in left_out]


def _has_body(asked: h11.Request) -> bool:
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in asked.headers)
