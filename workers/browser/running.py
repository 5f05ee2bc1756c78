"""The parts of this process, put together: the proxy, Chromium behind it, the windows, and the door for workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from workers.browser.acting import Acting
from workers.browser.chromium import Chromium
from workers.browser.proxy import Proxy
from workers.browser.server import Server, ended, look_for_idle
from workers.browser.settings import Settings
from workers.browser.windows import Windows
from workers.toolbox.egress import Resolve

STOP_S = 2.0  # that actions under way may take to end


@dataclass(frozen=True)
class Running:
    url: str
    windows: Windows


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Callable[[], float] = time.monotonic,
    resolve: Resolve | None = None,
) -> AsyncIterator[Running]:
    """
    Answers workers at `host` and `port`; at the end everything is closed.

    Args:
        clock: seconds, by which windows are idle.
        resolve: the addresses of a host; the system's own when not given.
    """
    proxy = Proxy(
        settings.reach,
        connections=settings.connections,
        connection_bytes=settings.connection_bytes,
        resolve=resolve,
    )
    chromium = Chromium(
        settings.program, proxy=await proxy.start(), fence=settings.fence, gone=lambda: windows.forget_all()
    )
    windows = Windows(
        chromium, most=settings.windows, tenant_most=settings.tenant_windows, idle_s=settings.idle_s, clock=clock
    )
    server = Server(Acting(windows, settings.reach, evaluate=settings.evaluate), token=settings.token)
    door = web.AppRunner(server.app(), handler_cancellation=True, access_log=None, shutdown_timeout=STOP_S)
    looking = asyncio.create_task(look_for_idle(windows))
    try:
        await door.setup()
        site = web.TCPSite(door, host, port)
        await site.start()
        yield Running(f"http://{host}:{door.addresses[0][1]}", windows)
    finally:
        await door.cleanup()
        await ended(looking)
        await chromium.close()
        await proxy.stop()
