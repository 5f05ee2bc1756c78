"""Equal calls at the same moment are one call: the first asks, the others wait for its answer, across processes too.

Whoever asks fails or goes away: one of those who wait asks next. Who has waited long enough asks by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Literal

from workers.answer_cache.shelf import K, Place, Shelf

LEADERS = 3  # that may fail before those who wait ask by themselves, all at once
FIRST_LOOK_S, LONGEST_LOOK_S, SLOWER = 0.02, 0.25, 1.5  # how often one looks for what another process has brought
Level = Literal["process", "redis"]


@dataclass(frozen=True)
class _Landing(Generic[K]):
    """`lost`: the call brought nothing at all, and the next one may; else its answer is of no use to others."""

    cached: K | None
    lost: bool = False


class Flight(Generic[K]):
    """
    A call that is about to be made, or that somebody else has made.

    Attributes:
        brought, level: the answer of an equal call, and where it was made; None: it is yours to ask.
    """

    def __init__(self, brought: K | None = None, level: Level = "process") -> None:
        self.brought, self.level = brought, level
        self._landing: asyncio.Future[_Landing[K]] = asyncio.get_running_loop().create_future()
        if brought:
            self.landed(brought)

    def landed(self, cached: K | None) -> None:
        """None: there is an answer, but it is nothing to share. Said again it changes nothing."""
        self._land(_Landing(cached))

    def over(self) -> None:
        self._land(_Landing(None, lost=True))

    async def landing(self, within_s: float) -> _Landing[K] | None:
        """None: not in that time. Who waits no longer doesn't disturb the others."""
        done, _ = await asyncio.wait({self._landing}, timeout=max(0.0, within_s))
        return self._landing.result() if done else None

    def _land(self, landing: _Landing[K]) -> None:
        if not self._landing.done():
            self._landing.set_result(landing)


class Flights(Generic[K]):
    """Those of one event loop, and through the shelf those of other processes."""

    def __init__(self, shelf: Shelf[K]) -> None:
        self._shelf = shelf
        self._under_way: dict[str, Flight[K]] = {}

    @asynccontextmanager
    async def join(self, place: Place, *, wait_s: float) -> AsyncIterator[Flight[K]]:
        """
        Inside, either `brought` is there, or one asks and says `landed`.

        Args:
            wait_s: for others at most; then one asks without the right to do so for all.
        """
        until = _now() + wait_s
        flight = await self._others(place, until)
        if flight is not None:
            yield flight
            return
        own: Flight[K] = Flight()
        self._under_way[place.key] = own
        try:
            async with AsyncExitStack() as leases:
                own.brought = await self._of_other_processes(place, until, leases)
                own.level = "redis"
                if own.brought:
                    own.landed(own.brought)
                yield own
        finally:
            del self._under_way[place.key]
            own.over()

    async def _others(self, place: Place, until: float) -> Flight[K] | None:
        """None: nobody in this process asks."""
        for _ in range(LEADERS):
            ahead = self._under_way.get(place.key)
            if ahead is None:
                return None
            landing = await ahead.landing(until - _now())
            if landing is None or not landing.lost:
                return Flight(landing.cached if landing else None)
        return Flight()

    async def _of_other_processes(self, place: Place, until: float, leases: AsyncExitStack) -> K | None:
        """None: it is ours to ask, with the lease, or because it was waited for long enough."""
        pause = FIRST_LOOK_S
        while _now() < until:
            lease = await self._shelf.lead(place)
            if lease is not None:
                await leases.enter_async_context(lease)
                return await self._shelf.find(place)  # it may have come a moment before
            await asyncio.sleep(pause)
            if found := await self._shelf.find(place):
                return found
            pause = min(pause * SLOWER, LONGEST_LOOK_S)
        return None


def _now() -> float:
    return asyncio.get_running_loop().time()
