"""The ASGI application that the web process serves: one port for pages, API, streams and sockets.

What streams is asynchronous, and what MCP clients ask. All else is plain synchronous Django, which a thread of a fixed pool runs from end to
end: Django's own ASGI handler would change threads for every request, at twice the cost (benchmarks/web.py).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from channels.routing import URLRouter
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.urls import path, re_path

from webapp.config.threads import Threads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")
Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
STREAMS, MCP = "/api/v1/stream/", "/mcp"


async def refuse(scope: Scope, receive: Any, send: Any) -> None:
    """There is no socket at this address."""
    await send({"type": "websocket.close"})


_streams: App = get_asgi_application()  # first: it sets Django up
from django.conf import settings  # noqa: E402

from webapp.api import sockets  # noqa: E402
from webapp.mcp.app import application as _mcp  # noqa: E402

_sockets: App = URLRouter(
    [
        path("api/v1/stream/ws", sockets.Events.as_asgi()),
        path("api/v1/stream/ws/tenant", sockets.Feed.as_asgi()),
        re_path("", refuse),  # type: ignore[arg-type]
    ]
)
_threads = Threads(get_wsgi_application(), threads=settings.WEB_THREADS, body_limit_bytes=settings.BODY_LIMIT_BYTES)


async def application(scope: Scope, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await _sockets(scope, receive, send)
    elif scope["path"].startswith(STREAMS):
        await _streams(scope, receive, send)
    elif scope["path"] == MCP:
        await _mcp(scope, receive, send)
    else:
        await _threads(scope, receive, send)


import_module(settings.ROOT_URLCONF)  # with all views, which would else be loaded by the first request
gc.collect()
gc.freeze()  # collections visit only what requests make: one of all that is loaded stops everything for 0.2 s
