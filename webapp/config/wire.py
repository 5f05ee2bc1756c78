"""uvicorn's protocols, with what its settings do not offer."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Http(HttpToolsProtocol):
    """
    The kernel cuts a peer that takes nothing of what was sent to it, streams and sockets alike.

    The server alone can't: closing waits for what is still to be sent, and pings queue behind it.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.SEND_S * 1000))
        super().connection_made(transport)


class WebSocket(WebSocketsSansIOProtocol):
    """Logs what went wrong and not who came: the address of a browser's socket may hold a key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = self.conn.logger = logging.getLogger("webapp.wire")  # type: ignore[assignment]
        self.logger.setLevel(logging.WARNING)
