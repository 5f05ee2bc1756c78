"""A site, page by page from one of them, breadth first, as its robots.txt allows."""

from __future__ import annotations

import asyncio
from collections import deque
from hashlib import sha256

from workers.toolbox.web.addresses import key, site
from workers.toolbox.web.browser import Browser
from workers.toolbox.web.choosing import inner_links
from workers.toolbox.web.page import Failed, Outcome, Page
from workers.toolbox.web.together import read_together

QUEUE = 2000  # addresses that wait; further ones are left out
AT_ONCE = 4
TRIES_PER_PAGE = 3


class Crawl:
    """
    Args:
        limit: pages, at most.
        until: in the event loop's time; what was read by then is what there is.
    """

    def __init__(self, browser: Browser, *, limit: int, until: float) -> None:
        self._browser, self._limit, self._until = browser, limit, until
        self._tries = TRIES_PER_PAGE * limit
        self._seen: set[str] = set()
        self._texts: set[bytes] = set()
        self._waiting: deque[str] = deque()
        self.pages: list[Page] = []
        self.failed: list[Failed] = []

    async def run(self, start: str) -> list[Outcome]:
        """The start first; where it leads elsewhere, the site that it ends up on is the one that is crawled."""
        (first,) = await read_together(self._browser.followed, [start], at_once=1, until=self._until)
        if isinstance(first, Failed):
            return [first]
        self._site, delay_s = site(first.url), (await self._browser.robots(first.url)).delay_s
        self._take(first)
        while self._waiting and len(self.pages) < self._limit and self._tries > 0 and self._in_time(delay_s):
            await asyncio.sleep(delay_s)
            await self._round(1 if delay_s else AT_ONCE)
        return [*self.pages, *self.failed]

    @property
    def left(self) -> int:
        """Addresses that were found and not read."""
        return len(self._waiting)

    async def _round(self, at_once: int) -> None:
        most = min(at_once, self._limit - len(self.pages), self._tries, len(self._waiting))
        urls = [self._waiting.popleft() for _ in range(most)]
        self._tries -= len(urls)
        for outcome in await read_together(self._browser.followed, urls, at_once=at_once, until=self._until):
            if isinstance(outcome, Failed):
                self.failed.append(outcome)
            elif site(outcome.url) == self._site:
                self._take(outcome)

    def _take(self, page: Page) -> None:
        """One text is one page, whatever its addresses; an address that another one led to is not asked again."""
        self._seen.add(key(page.url))
        told = sha256(page.text.encode("utf-8", "replace")).digest()
        if told not in self._texts:
            self._texts.add(told)
            self.pages.append(page)
        for link in inner_links(page, self._site):
            if key(link.url) not in self._seen and len(self._waiting) < QUEUE:
                self._seen.add(key(link.url))
                self._waiting.append(link.url)

    def _in_time(self, delay_s: float) -> bool:
        return asyncio.get_running_loop().time() + delay_s < self._until
