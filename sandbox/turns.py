"""Who gets what becomes free: the owners who wait take turns, and each owner's own wait in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from sandbox.errors import TooManyWait

Thing = TypeVar("Thing")


class Turns(Generic[Thing]):
    """
    Of one event loop.

    Args:
        most_waiting: of one owner's; further ones are refused at once.
    """

    def __init__(self, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._free: deque[Thing] = deque()
        self._waiting: dict[str, deque[asyncio.Future[Thing]]] = {}  # the owner whose turn is next comes first

    def put(self, thing: Thing) -> None:
        for waiter in self._next():
            if not waiter.done():  # cancelled meanwhile
                waiter.set_result(thing)
                return
        self._free.append(thing)

    async def get(self, owner: str) -> Thing:
        """
        Raises:
            TooManyWait
        """
        if self._free:
            return self._free.popleft()
        mine = self._waiting.setdefault(owner, deque())
        if len(mine) >= self._most_waiting:
            raise TooManyWait(self._most_waiting)
        waiter = asyncio.get_running_loop().create_future()
        mine.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            self._forget(owner, waiter)
            raise

    def _next(self) -> Iterator[asyncio.Future[Thing]]:
        """One of the first owner's, who then stands last."""
        while self._waiting:
            owner, mine = next(iter(self._waiting.items()))
            del self._waiting[owner]
            waiter = mine.popleft()
            if mine:
                self._waiting[owner] = mine
            yield waiter

    def _forget(self, owner: str, waiter: asyncio.Future[Thing]) -> None:
        """It has given up. What it was given in the same moment goes to the next."""
        if waiter.done() and not waiter.cancelled():
            self.put(waiter.result())
        elif waiter in (mine := self._waiting.get(owner, deque())):
            mine.remove(waiter)
            if not mine:
                del self._waiting[owner]
