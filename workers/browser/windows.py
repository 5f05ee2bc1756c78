"""The open windows, one for each agent: who may have one, whose turn it is in it, and when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from playwright.async_api import BrowserContext, Error, Page

from workers.browser.chromium import CLOSE_S, Chromium
from workers.browser.errors import NoPage, TooManyWindows

log = structlog.get_logger()

TABS = 5  # of one window; what a page opens beyond is closed
SHOWN = ("http://", "https://", "blob:http")


class Owner(NamedTuple):
    """`agent` is anything that tells a tenant's windows apart."""

    tenant: str
    agent: str


@dataclass
class Window:
    """
    Attributes:
        context: has the cookies.
        gone: closed, or crashed.
        used_at: in the clock of Windows.
        entered: a page was opened once.
        turn: actions come one after the other.
    """

    context: BrowserContext
    used_at: float
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    entered: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def page(self) -> Page:
        """
        The one that was opened last.

        Raises:
            NoPage
        """
        if self.gone.is_set() or not self.context.pages:
            raise NoPage("The page has gone")
        return self.context.pages[-1]

    def check_shown(self) -> None:
        """
        Raises:
            NoPage: it shows nothing of the web.
        """
        if not self.page.url.startswith(SHOWN):
            raise NoPage()

    def opened(self, page: Page) -> None:
        page.on("crash", self._crash)
        if len(self.context.pages) > TABS:
            asyncio.get_running_loop().create_task(_quietly(page.close()))

    def _crash(self, _: Page) -> None:
        self.gone.set()


class Windows:
    """
    Args:
        most, tenant_most: of all, and of one tenant.
        clock: seconds.
    """

    def __init__(
        self, chromium: Chromium, *, most: int, tenant_most: int, idle_s: float, clock: Callable[[], float]
    ) -> None:
        self._chromium, self._most, self._tenant_most = chromium, most, tenant_most
        self._idle_s, self._clock = idle_s, clock
        self._open: dict[Owner, Window] = {}
        self._opening = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, owner: Owner) -> Window:
        """
        Raises:
            NoPage
        """
        window = self._open.get(owner)
        if window is None:
            raise NoPage()
        return window

    async def get_or_open(self, owner: Owner) -> Window:
        """
        Raises:
            TooManyWindows
            NoPage: the browser can't be started.
        """
        async with self._opening:
            if owner not in self._open:
                self._check_room(owner)
                context = await self._chromium.context()
                window = self._open[owner] = Window(context, self._clock())
                context.on("page", window.opened)
                await context.new_page()
            return self._open[owner]

    def used(self, window: Window) -> None:
        window.used_at = self._clock()

    async def close(self, owner: Owner) -> None:
        window = self._open.pop(owner, None)
        if window:
            window.gone.set()
            await _quietly(window.context.close())

    async def close_idle(self) -> None:
        """Those that nobody has used for so long; one at work is not idle."""
        late = self._clock() - self._idle_s
        for owner, window in list(self._open.items()):
            if window.used_at <= late and not window.turn.locked():
                log.info("browser.closed_idle", tenant=owner.tenant)
                await self.close(owner)

    def forget_all(self) -> None:
        """They have gone with Chromium."""
        log.warning("browser.gone", windows=len(self._open))
        for window in self._open.values():
            window.gone.set()
        self._open.clear()

    def _check_room(self, owner: Owner) -> None:
        if sum(each.tenant == owner.tenant for each in self._open) >= self._tenant_most:
            raise TooManyWindows(self._tenant_most, "A tenant", self._idle_s)
        if len(self._open) >= self._most:
            raise TooManyWindows(self._most, "All tenants together", self._idle_s)


async def _quietly(closing: Awaitable[Any]) -> None:
    """What can't be closed has closed, or is left to Chromium's end."""
    with suppress(Error, TimeoutError):
        await asyncio.wait_for(closing, CLOSE_S)
