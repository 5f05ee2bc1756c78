"""One task whose end somebody waits for, and its text as it streams: cheaper than following all of its events."""

from __future__ import annotations

import asyncio


class Awaited:
    """What the hub has heard of it and nobody has taken yet. Both may be lost: who waits looks by itself now and then."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._ended = False
        self._text: list[str] = []

    def end(self) -> None:
        self._ended = True
        self._news.set()

    def hear(self, delta: str) -> None:
        self._text.append(delta)
        self._news.set()

    async def look(self, within_s: float) -> bool:
        """Wait for news; True when it is time to look: it is said to have ended, or nothing was said for so long."""
        try:
            async with asyncio.timeout(within_s):
                await self._news.wait()
        except TimeoutError:
            return True
        self._news.clear()
        ended, self._ended = self._ended, False
        return ended

    def take_text(self) -> str:
        """What was streamed since."""
        taken, self._text = "".join(self._text), []
        return taken
