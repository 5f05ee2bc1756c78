"""The ASGI application that the web process serves: one port for pages, API, streams and sockets.

What streams is asynchronous. All else is plain synchronous Django, which a thread of a fixed pool runs from end to
end: Django's own ASGI handler would change threads for every request, at twice the cost (benchmarks/web.py).
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from webapp.config.threads import Threads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")
Scope = dict[str, Any]
App = Callable[[Scope, Any, Any], Awaitable[None]]
STREAMS = "/api/v1/stream/"

_streams: App = get_asgi_application()  # first: it sets Django up
from django.conf import settings  # noqa: E402

_threads = Threads(get_wsgi_application(), threads=settings.WEB_THREADS, body_limit_bytes=settings.BODY_LIMIT_BYTES)


async def application(scope: Scope, receive: Any, send: Any) -> None:
    serve = _threads if scope["type"] == "http" and not scope["path"].startswith(STREAMS) else _streams
    await serve(scope, receive, send)
