"""Asks the browser's process (workers.browser), which any worker reaches, so that an open page is there for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

CONNECT_S = 5.0


class BrowserAway(Exception):
    """It does not answer, or not as it should; what it has done is not known."""


class FarBrowser:
    """
    Args:
        url: where it listens. token: that both sides know.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    async def act(self, *, tenant: str, agent: str, action: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """
        Its answer, `{"ok": true, …}` or `{"ok": false, "error": {"code", "message"}}`. Given up, the action is ended there.

        Raises:
            BrowserAway
        """
        asked = {"tenant": tenant, "agent": agent, "action": action, "arguments": dict(arguments)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers={"Authorization": f"Bearer {self._token}"}) as client,
                client.post(f"{self._url}/act", json=asked, allow_redirects=False) as answer,
            ):
                if answer.status != 200:
                    raise BrowserAway(f"It answered {answer.status}")
                found = await answer.json()
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            raise BrowserAway(type(error).__name__) from None
        if not isinstance(found, dict) or not isinstance(found.get("ok"), bool):
            raise BrowserAway("Its answer is none")
        return found
