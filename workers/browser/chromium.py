"""One headless Chromium, started when first needed and again when it has ended. All that it sends goes to the proxy."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress

import structlog
from playwright.async_api import Browser, BrowserContext, Error, Playwright, async_playwright

from workers.browser.errors import NoPage

log = structlog.get_logger()

START_S = 30.0
CLOSE_S = 5.0
VIEWPORT_WIDTH, VIEWPORT_HEIGHT = 1280, 800
QUIET = (
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-domain-reliability", "--no-pings", "--disable-extensions", "--mute-audio",
)  # fmt: skip
NOWHERE = "http://127.0.0.1:1"
HOME_CALLS = tuple(  # what Chromium would tell its maker, whatever page is open
    f"--{name}={NOWHERE}"
    for name in (
        "gaia-url", "google-apis-url", "autofill-server-url", "variations-server-url", "gcm-checkin-url",
        "gcm-registration-url", "gcm-mcs-endpoint",
    )
)  # fmt: skip
CLOSED = (
    "--proxy-bypass-list=<-loopback>",  # this machine's own names are no exception
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # names are the proxy's to look up
    f"--component-updater=url-source={NOWHERE}",
    "--dns-prefetch-disable",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--deny-permission-prompts",
)


class Chromium:
    """
    Args:
        fence: with its own sandbox.
        gone: called when it has ended by itself.
    """

    def __init__(self, program: str, *, proxy: str, fence: bool, gone: Callable[[], None]) -> None:
        self._program, self._proxy, self._fence, self._gone = program, proxy, fence, gone
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._starting = asyncio.Lock()
        self._home = tempfile.TemporaryDirectory(prefix="hartley-browser-", ignore_cleanup_errors=True)

    async def context(self) -> BrowserContext:
        """
        A place of its own for cookies and whatever else sites keep, which ends with it.

        Raises:
            NoPage: Chromium can't be started.
        """
        async with self._starting:
            if self._browser is None or not self._browser.is_connected():
                self._browser = await self._launched()
        return await self._browser.new_context(
            viewport={"width": VIEWPORT_WIDTH, "height": VIEWPORT_HEIGHT},
            accept_downloads=False,
            service_workers="block",
            reduced_motion="reduce",
        )

    async def close(self) -> None:
        for each in (self._browser and self._browser.close, self._playwright and self._playwright.stop):
            with suppress(Error, TimeoutError):
                if each:
                    await asyncio.wait_for(each(), CLOSE_S)
        self._home.cleanup()

    async def _launched(self) -> Browser:
        """Its folders are in a temporary one of this process; its environment has nothing of ours."""
        self._playwright = self._playwright or await async_playwright().start()
        try:
            browser = await self._playwright.chromium.launch(
                executable_path=self._program,
                headless=True,
                chromium_sandbox=self._fence,
                args=[*QUIET, *HOME_CALLS, *CLOSED, f"--proxy-server={self._proxy}"],
                env={"PATH": os.defpath, "HOME": self._home.name, "TMPDIR": self._home.name, "LANG": "C.UTF-8"},
                handle_sigint=False, handle_sigterm=False, handle_sighup=False, timeout=START_S * 1000,
            )  # fmt: skip
        except Error as error:
            log.error("browser.not_started", error=str(error)[:2000])
            raise NoPage("The browser can't be started now") from None
        browser.on("disconnected", lambda _: self._gone())
        log.info("browser.started", version=browser.version)
        return browser
