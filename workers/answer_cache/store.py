"""The two levels together: this process' memory, then Redis. An answer is as old in one as in the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from workers.answer_cache.flights import Flights, Level
from workers.answer_cache.memory import Memory
from workers.answer_cache.shelf import K, Place, Shelf


@dataclass(frozen=True)
class Found(Generic[K]):
    cached: K
    level: Level


class AnswerCache(Generic[K]):
    """
    Args:
        kept_s: how old an answer may be.
    Attributes:
        flights: the calls that are under way.
    """

    def __init__(self, memory: Memory, shelf: Shelf[K], *, kept_s: float) -> None:
        self._memory, self._shelf, self._kept_s = memory, shelf, kept_s
        self.flights = Flights(shelf)

    async def find(self, place: Place, now: datetime) -> Found[K] | None:
        if text := self._memory.find(place.key):
            near = self._shelf.read(json.loads(text))
            return Found(near, "process") if near else None
        far = await self._shelf.find(place)
        if far is None or (left_s := self._left_s(far, now)) <= 0:
            return None
        self._remember(place, far, left_s)
        return Found(far, "redis")

    async def keep(self, place: Place, cached: K, now: datetime) -> None:
        left_s = self._left_s(cached, now)
        self._remember(place, cached, left_s)
        await self._shelf.keep(place, cached, left_s)

    async def close(self) -> None:
        await self._shelf.close()

    def _remember(self, place: Place, cached: K, left_s: float) -> None:
        self._memory.keep(place.key, json.dumps(cached.to_json()).encode(), left_s)

    def _left_s(self, cached: K, now: datetime) -> float:
        return self._kept_s - (now - cached.answered_at).total_seconds()
