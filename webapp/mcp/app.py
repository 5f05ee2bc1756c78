"""
The MCP endpoint as an ASGI application: who may come in. What is asked then is answered by webapp.mcp.server.

Every request stands alone, so any web process can answer it: the SDK keeps no session, and the caller is known from the
credential of the request at hand.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.datastructures import Headers

from webapp.api.authentication import REALM, credential_in, principal_of_credential
from webapp.common.origins import is_of
from webapp.mcp.server import PRINCIPAL, make_server
from webapp.progress.hub import in_thread

Scope = dict[str, Any]


class Refused(Exception):
    def __init__(self, status: int, text: str, **headers: str) -> None:
        self.status, self.text, self.headers = status, text, headers


class Serving:
    """The SDK's part, for one event loop. It begins with the first request and ends with the loop."""

    def __init__(self) -> None:
        self._manager = StreamableHTTPSessionManager(
            make_server(), stateless=True, max_request_body_size=settings.BODY_LIMIT_BYTES
        )
        self._ready = asyncio.Event()
        self._running = asyncio.create_task(self._run(), name="mcp")

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        await self._ready.wait()
        await self._manager.handle_request(scope, receive, send)

    async def _run(self) -> None:
        async with self._manager.run():
            self._ready.set()
            await asyncio.Event().wait()


_serving: WeakKeyDictionary[asyncio.AbstractEventLoop, Serving] = WeakKeyDictionary()


async def application(scope: Scope, receive: Any, send: Any) -> None:
    headers = Headers(scope=scope)
    try:
        _check_asked(scope, headers)
        scope[PRINCIPAL] = await in_thread(partial(_principal, headers))
    except Refused as refused:
        await _refuse(refused, send)
        return
    loop = asyncio.get_running_loop()
    if loop not in _serving:
        _serving[loop] = Serving()
    await _serving[loop](scope, receive, send)


def _check_asked(scope: Scope, headers: Headers) -> None:
    """
    A page of another site, also one whose name has been made to lead here, must not reach this through a browser.

    Raises:
        Refused
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    domain, _ = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        raise Refused(421, "This host is not served here")
    if origin is not None and not is_of(origin, host) and origin not in settings.CSRF_TRUSTED_ORIGINS:
        raise Refused(403, "Pages of this origin may not ask here")
    if scope["method"] != "POST":  # there is no session to listen to or to end
        raise Refused(405, "Only POST: each request stands alone", allow="POST")


def _principal(headers: Headers) -> Any:
    """
    Raises:
        Refused
    """
    credential = credential_in(headers)
    who = principal_of_credential(credential) if credential else None
    if who is None:
        text = "A valid API key or access token is required: Authorization: Bearer or X-API-Key"
        raise Refused(401, text, **{"www-authenticate": REALM})
    return who


async def _refuse(refused: Refused, send: Any) -> None:
    body = json.dumps({"error": refused.text}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **refused.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
