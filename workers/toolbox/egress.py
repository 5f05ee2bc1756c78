"""
The one guard for outgoing requests to addresses that people, models or pages name.

Built on httpcore, whose network backend makes every connection, whatever the host looks like: the name is looked up
once, every answer is checked, and the socket goes to a checked address, so that a second look-up which answers otherwise
never happens. TLS still verifies the name. httpcore follows no redirect, keeps no cookies, and reads no proxies from the
environment.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from socket import SOCK_STREAM, gaierror, getaddrinfo
from typing import Any
from urllib.parse import urljoin

import httpcore2

from webapp.common.addresses import AddressRefused, Reach, Target
from webapp.common.errors import HartleyError

Resolve = Callable[[str, int], Awaitable[list[str]]]
Wanted = Callable[[int, Mapping[str, str]], None]

LOOK_UPS = 32  # at once; a dead name server holds a thread for long, so they have threads of their own
ADDRESSES_TRIED = 4
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class RequestFailed(HartleyError):
    """No answer came: the host is unknown, away, too slow or speaks no HTTP. Whether it was acted on is not known."""

    code = "request.failed"
    retryable = True
    kind = "network"


@dataclass(frozen=True)
class Answer:
    """
    Attributes:
        headers: lower-case names; of several with one name the last.
        body: its beginning, if it was longer than asked for.
        whole: nothing of the body is missing.
        url: that answered, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool
    url: str = ""

    @property
    def redirects_to(self) -> str:
        return self.headers.get("location", "") if self.status in REDIRECTS else ""


class Egress:
    """
    Args:
        within_s: for a whole request, look-up and redirects included.
        body_bytes: of an answer, at most; the rest is left on the wire.
        resolve: the addresses of a host.
        tls: what verifies certificates; the system's authorities when not given.
    """

    def __init__(
        self,
        reach: Reach,
        *,
        within_s: float,
        body_bytes: int,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._reach, self._within_s, self._body_bytes = reach, within_s, body_bytes
        self._resolve = resolve or _Resolver()
        self._tls = tls or httpcore2.default_ssl_context()

    def check(self, url: str) -> None:
        """
        Without a look-up: an address that passes may still be refused when it is asked.

        Raises:
            AddressRefused
        """
        self._reach.target(url)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        redirects: int = 0,
        wanted: Wanted | None = None,
        within_s: float | None = None,
        body_bytes: int | None = None,
    ) -> Answer:
        """
        Args:
            within_s, body_bytes: of this request, where it may take more than others.
            redirects: so many are followed, as GET without headers and content, each checked like the first address.
            wanted: is shown status and headers, and raises what is to be raised when the body is not wanted, which then
                stays on the wire. It is not asked of redirects that are followed.
        Raises:
            AddressRefused: nothing was sent there.
            RequestFailed
        """
        within_s, most = within_s or self._within_s, body_bytes or self._body_bytes
        try:
            async with asyncio.timeout(within_s):
                answer = await self._once(method, self._reach.target(url), headers or {}, content, wanted, most)
                while redirects and (there := answer.redirects_to):
                    url, redirects = _joined(url, there), redirects - 1
                    answer = await self._once("GET", self._reach.target(url), {}, None, wanted, most)
                return replace(answer, url=url)
        except TimeoutError:
            raise RequestFailed(f"No whole answer within {within_s:g} s") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
            raise RequestFailed(_told(error)) from None

    async def _once(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        content: bytes | None,
        wanted: Wanted | None,
        most: int,
    ) -> Answer:
        url = httpcore2.URL(
            scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
        )
        sent = {"Host": target.authority, "User-Agent": "Hartley", "Accept-Encoding": "identity", **headers}
        backend = _Checked(self._reach, self._resolve)
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=self._tls, max_keepalive_connections=0, network_backend=backend
            ) as pool,
            pool.stream(method, url, headers=list(sent.items()), content=content) as response,
        ):
            named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            if wanted and not (response.status in REDIRECTS and "location" in named):
                wanted(response.status, named)
            body, whole = await _beginning(response, most)
        return Answer(response.status, named, body, whole)


async def _beginning(response: httpcore2.Response, most: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > most:
            return bytes(body[:most]), False
    return bytes(body), True


def guarded_pool(
    reach: Reach, *, connections: int, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None
) -> httpcore2.AsyncConnectionPool:
    """
    For clients that keep their connections: each goes to a checked address. Whoever asks through it checks the form of
    the address (`Reach.target`), and bounds what comes back.
    """
    backend = _Checked(reach, resolve or _shared_resolver())
    return httpcore2.AsyncConnectionPool(
        ssl_context=tls or _shared_tls(), max_connections=connections, network_backend=backend
    )


def guarded_sockets(reach: Reach, *, resolve: Resolve | None = None) -> httpcore2.AsyncNetworkBackend:
    """For what speaks its own protocol: `connect_tcp` goes to a checked address, and raises AddressRefused else."""
    return _Checked(reach, resolve or _shared_resolver())


class _Checked(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, reach: Reach, resolve: Resolve) -> None:
        self._reach, self._resolve, self._inner = reach, resolve, httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """
        Raises:
            AddressRefused
        """
        *first, last = self._reach.check(host, await self._resolve(host, port))[:ADDRESSES_TRIED]
        for address in first:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._inner.connect_tcp(last, port, timeout, local_address, socket_options)


class _Resolver:
    """The system's own, in threads; a host that is an address is its own answer."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="look-up")

    async def __call__(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(found))


@cache
def _shared_resolver() -> _Resolver:
    return _Resolver()


@cache
def _shared_tls() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _look_up(host: str, port: int) -> list[str]:
    try:
        return [str(found[4][0]) for found in getaddrinfo(host, port, type=SOCK_STREAM)]
    except (gaierror, UnicodeError):
        return []


def _joined(url: str, there: str) -> str:
    """
    Raises:
        AddressRefused: it is no address at all.
    """
    try:
        return urljoin(url, there.partition("#")[0])
    except ValueError:
        raise AddressRefused("The address that it redirects to is not well formed") from None


def _told(error: Exception) -> str:
    """In our words: what libraries say may hold what was sent."""
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in _behind(error)):
        return "Its certificate does not hold for it"
    if isinstance(error, httpcore2.ConnectError | httpcore2.ConnectTimeout):
        return "It could not be connected to"
    if isinstance(error, httpcore2.ProtocolError):
        return "Its answer was not well-formed HTTP"
    return "The connection broke"


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


__all__ = ["AddressRefused", "Answer", "Egress", "RequestFailed", "guarded_pool", "guarded_sockets"]
