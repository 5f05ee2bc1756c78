"""
How workers ask: `POST /act` with the token, and JSON such as

    {"tenant": "…", "agent": "…", "action": "click", "arguments": {"selector": "#more", "timeout_ms": 5000}}

which is answered with `{"ok": true, …}` or `{"ok": false, "error": {"code", "message"}}`. A caller that goes away ends its
action.
"""

from __future__ import annotations

import asyncio
import hmac
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import web

from webapp.common.errors import HartleyError
from workers.browser.acting import Acting
from workers.browser.actions import ACTIONS
from workers.browser.windows import Owner, Windows

log = structlog.get_logger()

ASKED_BYTES = 1024 * 1024
LOOK_EVERY_S = 5.0
TIMEOUT_MS = 5000


class Server:
    """
    Args:
        token: without it nobody is answered.
    """

    def __init__(self, acting: Acting, *, token: str) -> None:
        self._acting, self._token = acting, f"Bearer {token}".encode()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=ASKED_BYTES)
        app.router.add_post("/act", self._act)
        app.router.add_get("/health", self._health)
        return app

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def _act(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._token):
            raise web.HTTPUnauthorized()
        try:
            owner, action, arguments = _asked(await request.json())
        except (ValueError, KeyError, TypeError):
            raise web.HTTPBadRequest() from None
        try:
            return web.json_response({"ok": True, **await self._acting.act(owner, action, arguments)})
        except HartleyError as error:
            return web.json_response({"ok": False, "error": {"code": error.code, "message": str(error)}})


def _asked(body: Any) -> tuple[Owner, str, dict[str, Any]]:
    """
    Raises:
        ValueError, KeyError, TypeError: it is not in the form that workers send.
    """
    owner, action = Owner(str(body["tenant"]), str(body["agent"])), str(body["action"])
    if action not in ACTIONS and action != "close":
        raise ValueError(action)
    return owner, action, {"timeout_ms": TIMEOUT_MS, **body["arguments"]}


async def look_for_idle(windows: Windows) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        await windows.close_idle()


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
