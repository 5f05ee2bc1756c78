"""Gets pages: through the guard, few at once from any one site, and taken apart in processes of its own."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from functools import partial
from weakref import WeakValueDictionary

from workers.toolbox.egress import AddressRefused, Answer, Egress, RequestFailed
from workers.toolbox.web import head
from workers.toolbox.web.addresses import origin, site, written
from workers.toolbox.web.page import Failed, Outcome, Page, PageRefused, RobotsForbid, TooLarge
from workers.toolbox.web.readers import Readers
from workers.toolbox.web.robots import BYTES, Robots

REDIRECTS = 10
ROBOTS_KEPT, ROBOTS_KEPT_S = 100, 600.0  # one may have rules of a megabyte
ACCEPT = {"Accept": "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,application/xml;q=0.8"}


class Browser:
    """
    Args:
        page_bytes: of a page, compressed or not, at most; the rest is left out.
        per_site: requests to one host that are under way at once, of this process.
        file_bytes, file_s: of a file that is downloaded, at most: its size, and how long that may take.
    """

    def __init__(
        self,
        egress: Egress,
        readers: Readers,
        *,
        page_bytes: int,
        per_site: int,
        file_bytes: int = 10**6,
        file_s: float = 10,
    ) -> None:
        self._egress, self._readers, self._page_bytes, self._per_site = egress, readers, page_bytes, per_site
        self._file_bytes, self._file_s = file_bytes, file_s
        self._sites: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._robots: OrderedDict[str, tuple[float, Robots]] = OrderedDict()

    async def page(self, url: str) -> Page:
        """
        Raises:
            AddressRefused: nothing was sent there. RequestFailed: no answer came. PageRefused: what came is not read.
        """
        url = self._checked(url)
        async with self._turn(url):
            answer = await self._egress.ask("GET", url, headers=ACCEPT, redirects=REDIRECTS, wanted=head.check)
        head.check(answer.status, answer.headers)
        told = head.head_of(answer.headers)
        job = {
            "url": answer.url,
            "media_type": told.media_type,
            "charset": told.charset,
            "compression": told.compression,
            "limit": self._page_bytes,
        }
        found = await self._readers.read(answer.body, job)
        return Page.of_read(answer.url, told.media_type, found, whole=answer.whole)

    async def taken_apart(self, html: str, url: str) -> Page:
        """
        A page that is here already.

        Raises:
            PageRefused: it can't be taken apart.
        """
        job = {"url": url, "media_type": "text/html", "charset": "utf-8", "compression": "", "limit": self._page_bytes}
        found = await self._readers.read(html.encode("utf-8", "replace"), job)
        return Page.of_read(url, "text/html", found, whole=True)

    async def download(self, url: str) -> Answer:
        """
        A file of any kind, whole.

        Raises:
            AddressRefused: nothing was sent there. RequestFailed: no answer came. PageRefused: it is not to be had, or is
                too large.
        """
        url = self._checked(url)
        wanted = partial(head.check_file, limit_bytes=self._file_bytes)
        async with self._turn(url):
            answer = await self._egress.ask(
                "GET", url, redirects=REDIRECTS, wanted=wanted, within_s=self._file_s, body_bytes=self._file_bytes
            )
        wanted(answer.status, answer.headers)
        if not answer.whole:
            raise TooLarge(self._file_bytes)
        return answer

    async def outcome(self, url: str) -> Outcome:
        """As `page`; what goes wrong is a value."""
        try:
            return await self.page(url)
        except (AddressRefused, RequestFailed, PageRefused) as error:
            return Failed(url, error.code, str(error))

    async def followed(self, url: str) -> Outcome:
        """As `outcome`, for an address that no one named: the site must let programs read it, where it ends up too."""
        try:
            await self._check_robots(self._checked(url))
            page = await self.page(url)
            await self._check_robots(page.url)
            return page
        except (AddressRefused, RequestFailed, PageRefused) as error:
            return Failed(url, error.code, str(error))

    async def robots(self, url: str) -> Robots:
        """
        Args:
            url: one that the guard takes.
        Raises:
            AddressRefused
        """
        place = origin(url)
        kept = self._robots.get(place)
        if kept is None or time.monotonic() - kept[0] > ROBOTS_KEPT_S:
            kept = self._robots[place] = (time.monotonic(), await self._ask_robots(place, url))
            while len(self._robots) > ROBOTS_KEPT:
                self._robots.popitem(last=False)
        return kept[1]

    async def close(self) -> None:
        await self._readers.close()

    async def _check_robots(self, url: str) -> None:
        if not (await self.robots(url)).allow(url):
            raise RobotsForbid("The site's robots.txt asks programs not to read this page")

    async def _ask_robots(self, place: str, url: str) -> Robots:
        try:
            async with self._turn(url):
                answer = await self._egress.ask("GET", f"{place}/robots.txt", redirects=REDIRECTS)
        except RequestFailed:
            return Robots.of_status(503)
        if not 200 <= answer.status < 300:
            return Robots.of_status(answer.status)
        return Robots.of_text(answer.body[:BYTES].decode("utf-8", "replace"))

    def _checked(self, url: str) -> str:
        """
        Raises:
            AddressRefused
        """
        url = written(url)
        self._egress.check(url)
        return url

    def _turn(self, url: str) -> asyncio.Semaphore:
        return self._sites.setdefault(site(url), asyncio.Semaphore(self._per_site))
