"""One action in an agent's window: its turn, its time, and what is left of the page when it goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from playwright.async_api import Error, Page

from webapp.common.addresses import Reach
from workers.browser import isolated
from workers.browser.actions import ACTIONS
from workers.browser.errors import BrowserRefused, NoPage, PageStuck, TimedOut
from workers.browser.windows import Owner, Window, Windows

Answer = dict[str, Any]

SPARE_S = 3.0  # beyond an action's own time, for what is done around it
TRIAL_S = 3.0


class Acting:
    """
    Args:
        evaluate: agents' scripts may run.
    """

    def __init__(self, windows: Windows, reach: Reach, *, evaluate: bool) -> None:
        self._windows, self._reach, self._evaluate = windows, reach, evaluate

    async def act(self, owner: Owner, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        """
        What the action answers, e.g. `{"url": "https://example.com/", "title": "Example", "status": 200, ...}`.

        Raises:
            AddressRefused, BrowserRefused: the page is as it is, or was closed where the error says so.
        """
        if action == "close":
            await self._windows.close(owner)
            return {"closed": True}
        window = await self._window(owner, action, asked)
        async with window.turn:
            try:
                return await self._in_time(owner, window, action, asked)
            finally:
                self._windows.used(window)

    async def _window(self, owner: Owner, action: str, asked: dict[str, Any]) -> Window:
        if action == "evaluate" and not self._evaluate:
            raise BrowserRefused("action: evaluate is switched off")
        if action == "navigate":
            self._reach.target(asked["url"].partition("#")[0])
            return await self._windows.get_or_open(owner)
        return self._windows.get(owner)

    async def _in_time(self, owner: Owner, window: Window, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        page = window.page
        if action != "navigate":
            window.check_shown()
        try:
            async with asyncio.timeout(asked["timeout_ms"] / 1000 + SPARE_S):
                done = await _unless_gone(window, ACTIONS[action](page, asked))
            window.check_shown()
            window.entered = True
            return done if window.page is page else {**done, "url": window.page.url, "opened": "a new page"}
        except asyncio.CancelledError:
            await _stop(page)
            raise
        except (TimeoutError, TimedOut) as error:
            await self._freed(owner, page)
            raise (
                error if isinstance(error, TimedOut) else TimedOut(f"{action} did not end", asked["timeout_ms"])
            ) from None
        except Error as error:
            if page.is_closed() or not window.context.pages:
                raise NoPage("The page has gone") from None
            raise BrowserRefused(error.message.splitlines()[0][:300]) from None
        finally:
            if window.gone.is_set() or not window.entered:  # it has no cookies that would be missed
                await self._windows.close(owner)

    async def _freed(self, owner: Owner, page: Page) -> None:
        """
        The page loads no further.

        Raises:
            PageStuck: it does not even say that it is there.
        """
        try:
            await asyncio.wait_for(isolated.ours(page, "() => 1"), TRIAL_S)
            await _stop(page)
        except (TimeoutError, Error):
            await self._windows.close(owner)
            raise PageStuck() from None


async def _unless_gone(window: Window, doing: Coroutine[Any, Any, Answer]) -> Answer:
    """
    Raises:
        NoPage: nothing more would be heard of it.
    """
    done, gone = asyncio.create_task(doing), asyncio.create_task(window.gone.wait())
    try:
        await asyncio.wait((done, gone), return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise NoPage("The page has gone")
        return done.result()
    finally:
        for each in (done, gone):
            each.cancel()
        await asyncio.gather(done, gone, return_exceptions=True)


async def _stop(page: Page) -> None:
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(TRIAL_S):
            session = await page.context.new_cdp_session(page)
            await session.send("Page.stopLoading")
            await session.detach()
