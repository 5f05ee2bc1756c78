"""A browser that reaches this machine's test site, and contexts that hold it. One loop for all: readers take long to begin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.wood import Wood, odd_pages
from webapp.common.addresses import Reach
from workers.toolbox.egress import Egress
from workers.toolbox.registry import Registry, ToolContext, ToolResult, load_registry
from workers.toolbox.web.browser import Browser
from workers.toolbox.web.readers import Readers

Call = Callable[..., Awaitable[ToolResult]]
PAGE_BYTES = 200_000


@pytest.fixture(scope="session")
def running() -> Iterator[Wood]:
    wood = Wood()
    yield wood
    wood.stop()


@pytest.fixture
def wood(running: Wood) -> Wood:
    running.asked.clear()
    running.wait_s, running.most_at_once = 0.0, 0
    running.more = odd_pages(running.port)
    return running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def readers() -> AsyncIterator[Readers]:
    found = Readers(size=2, within_s=60)
    yield found
    await found.close()


@pytest.fixture
def browser(wood: Wood, readers: Readers) -> Browser:
    reach = Reach.of(ports=[80, 443, wood.port], plain_http=True, allow=["127.0.0.1"])
    return Browser(Egress(reach, within_s=30, body_bytes=PAGE_BYTES), readers, page_bytes=PAGE_BYTES, per_site=4)


@pytest.fixture
def registry() -> Registry:
    return load_registry()


def context_with(web: Browser | None) -> ToolContext:
    return ToolContext("t1", "k1", 3, 1, "k1:3", {}, None, web=web)


@pytest.fixture
def call(browser: Browser, registry: Registry) -> Call:
    async def run(tool: str, **arguments: Any) -> ToolResult:
        registry.validate(tool, arguments)
        return await registry.get(tool).run(arguments, context_with(browser))

    return run
