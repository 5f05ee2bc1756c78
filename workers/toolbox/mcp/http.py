"""Streamable HTTP through the one guard: every connection goes to a checked address, and every answer has an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import TracebackType

import httpcore2
import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client

from webapp.common.addresses import AddressRefused, Reach
from workers.toolbox.egress import guarded_pool
from workers.toolbox.mcp.allowance import Allowance
from workers.toolbox.mcp.server import HttpServer

CONNECT_S = 10.0
ANSWER_BYTES = 10 * 1024 * 1024
STREAMS = 20  # GETs of one session: a server that ends each at once would else be asked without a pause
CONNECTIONS = 50
# told as the answers of JSON-RPC, so that only one call fails
NOT_SENT, BROKEN, REFUSED, UNAUTHORISED, OVERLOADED = -32_051, -32_052, -32_053, -32_054, -32_055
STATUSES = {401: UNAUTHORISED, 403: UNAUTHORISED, 429: OVERLOADED, 503: OVERLOADED}
EVENTS = "text/event-stream"
LISTEN = "subscriptions/listen"
FORGOTTEN = (400, 404)  # the second by the specification, the first by many servers


class HttpTransport:
    """
    What the SDK's client is given to speak through.

    Attributes:
        alive: the server knows this session still, as far as one can tell.
    """

    def __init__(self, server: HttpServer, reach: Reach) -> None:
        self._server, self._guard, self._stack = server, _Guard(reach, server.timeout_s), AsyncExitStack()

    @property
    def alive(self) -> bool:
        return not self._guard.forgotten

    async def __aenter__(self) -> TransportStreams:
        client = httpx2.AsyncClient(
            transport=self._guard,
            headers={"User-Agent": "Hartley", **self._server.headers, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(self._server.timeout_s, connect=CONNECT_S),
            trust_env=False,
        )
        await self._stack.enter_async_context(client)
        streams = streamable_http_client(self._server.address, http_client=client, max_sse_event_size=ANSWER_BYTES)
        return await self._stack.enter_async_context(streams)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._stack.__aexit__(kind, error, traceback)


class _Guard(httpx2.AsyncBaseTransport):
    """A failure is answered in the server's place: raised, it would end the calls beside it too."""

    def __init__(self, reach: Reach, within_s: float) -> None:
        self._reach, self._within_s = reach, within_s
        self._pool = guarded_pool(reach, connections=CONNECTIONS)
        self._streams_left = STREAMS
        self.forgotten = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            self._streams_left -= 1
            if self._streams_left < 0:
                return _answer(405, BROKEN, "too many streams")
        try:
            return await self._ask(request)
        except AddressRefused as refused:
            return _answer(403, REFUSED, str(refused))
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout, httpcore2.PoolTimeout):
            return _answer(502, NOT_SENT, "It could not be connected to")
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError):
            return _answer(502, BROKEN, "The connection broke")

    async def _ask(self, request: httpx2.Request) -> httpx2.Response:
        self._reach.target(str(request.url))
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        streams = request.method == "GET" or request.headers.get("mcp-method") == LISTEN  # open as long as the session
        timeout = {**request.extensions.get("timeout", {}), **({"read": None} if streams else {})}
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions={"timeout": timeout},
            )
        )
        if response.status in FORGOTTEN and MCP_SESSION_ID in request.headers:
            self.forgotten = True
        body = _Bounded(response, None if streams else time.monotonic() + self._within_s)
        answer = httpx2.Response(response.status, headers=response.headers, stream=body)
        if not answer.headers.get("content-type", "").lower().startswith(EVENTS):
            body.allowance.lines = ANSWER_BYTES
        if response.status in STATUSES:
            await body.aclose()
            return _answer(response.status, STATUSES[response.status], "")
        if answer.headers.get("content-encoding", "identity") != "identity":
            await body.aclose()
            return _answer(502, BROKEN, "Its answer is compressed, which was not asked for")
        return answer

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """
    A body that ends with an error when it is too long, has too many parts or takes too long.

    Args:
        until: on the monotonic clock; None: it may stay open.
    """

    def __init__(self, response: httpcore2.Response, until: float | None) -> None:
        self._response, self._until = response, until
        self.allowance = Allowance(ANSWER_BYTES)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._response.aiter_stream())
        try:
            while (chunk := await self._next(chunks)) is not None:
                if not self.allowance.take(chunk):
                    raise httpx2.StreamError("more than an answer may have")
                yield chunk
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError):
            raise httpx2.StreamError("the connection broke") from None

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        left_s = None if self._until is None else max(self._until - time.monotonic(), 0)
        async with asyncio.timeout(left_s):
            return await anext(chunks, None)

    async def aclose(self) -> None:
        await self._response.aclose()


def _answer(status: int, code: int, message: str) -> httpx2.Response:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return httpx2.Response(status, json=error)
