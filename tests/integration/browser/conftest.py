"""A browser's process within the test, with a real Chromium, and a site that it may reach."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.support import browser as browsers
from tests.support.wood import Wood
from webapp.common.addresses import Reach
from workers.browser.running import Running, running
from workers.browser.settings import Settings
from workers.toolbox.far_browser import FarBrowser

TOKEN = "of-the-tests-of-the-tests-of-the-tests"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Browsing:
    """
    The process, asked as workers ask it.

    Attributes:
        names: what its proxy has looked up; `there` says where a name leads.
    """

    def __init__(self, wood: Wood, loop: asyncio.Runner) -> None:
        self.wood, self.loop, self.clock = wood, loop, Clock()
        self.names: list[str] = []
        self.there: dict[str, list[str]] = {"127.0.0.1": ["127.0.0.1"]}
        self._stack = AsyncExitStack()
        reach = Reach.of(ports=[80, 443, wood.port], plain_http=True, allow=["127.0.0.1/32"])
        self._settings = Settings(
            token=TOKEN, reach=reach, fence=False, evaluate=True, windows=4, tenant_windows=3, connection_bytes=300_000
        )
        self.here: Running = loop.run(self._start())

    async def _start(self) -> Running:
        here = running(self._settings, clock=self.clock, resolve=self._resolve)
        return await self._stack.enter_async_context(here)

    async def _resolve(self, host: str, port: int) -> list[str]:
        self.names.append(host)
        return self.there.get(host, [])

    def stop(self) -> None:
        self.loop.run(self._stack.aclose())

    @property
    def far(self) -> FarBrowser:
        return FarBrowser(self.here.url, TOKEN)

    def run(self, doing: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await doing

        return self.loop.run(done())

    def act(self, action: str, *, tenant: str = "acme", agent: str = "a", **arguments: Any) -> dict[str, Any]:
        asked = self.far.act(tenant=tenant, agent=agent, action=action, arguments=arguments)
        return self.loop.run(asyncio.wait_for(asked, 30))

    def done(self, action: str, **arguments: Any) -> dict[str, Any]:
        """With time enough on a machine that is busy."""
        answer = self.act(action, **{"timeout_ms": 20_000, **arguments})
        assert answer["ok"], answer
        return answer

    def refused(self, action: str, **arguments: Any) -> tuple[str, str]:
        answer = self.act(action, **arguments)
        assert not answer["ok"], answer
        return answer["error"]["code"], answer["error"]["message"]

    def until(self, check: Callable[[], Any], within_s: float = 10) -> None:
        """The loop goes on between looks."""
        deadline = time.monotonic() + within_s
        while not check():
            assert time.monotonic() < deadline, f"not within {within_s:g} s"
            self.loop.run(asyncio.sleep(0.02))


@pytest.fixture(scope="module")
def browsing() -> Iterator[Browsing]:
    if browsers.chromium() is None:
        pytest.skip("CHROMIUM IS ABSENT and can't be installed here: the browser was not tried")
    wood = Wood()
    with asyncio.Runner() as loop:
        made = Browsing(wood, loop)
        yield made
        made.stop()
    wood.stop()


@pytest.fixture
def site(browsing: Browsing) -> Iterator[Callable[[str, str], str]]:
    """Puts a page on the site and gives its address."""

    def put(path: str, html: str) -> str:
        browsing.wood.more[path] = (200, {"Content-Type": "text/html; charset=utf-8"}, html.encode())
        return browsing.wood.url(path)

    yield put
    for agent in "ab":
        for tenant in ("acme", "globex"):
            browsing.act("close", tenant=tenant, agent=agent)
    browsing.there = {"127.0.0.1": ["127.0.0.1"]}
