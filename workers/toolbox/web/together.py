"""Several pages at once, in the order asked for, until a time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from workers.toolbox.web.page import Failed, Outcome

Read = Callable[[str], Awaitable[Outcome]]


async def read_together(read: Read, urls: Sequence[str], *, at_once: int, until: float) -> list[Outcome]:
    """
    Args:
        until: in the event loop's time; what is not there by then has failed.
    """
    free = asyncio.Semaphore(at_once)

    async def one(url: str) -> Outcome:
        async with free:
            return await read(url)

    reading = [asyncio.create_task(one(url)) for url in urls]
    if not reading:
        return []
    try:
        await asyncio.wait(reading, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        return [each.result() if each.done() else _late(url) for each, url in zip(reading, urls, strict=True)]
    finally:
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


def _late(url: str) -> Failed:
    return Failed(url, "web.too_slow", "It was not read in time")
