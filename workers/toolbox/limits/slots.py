"""How many calls of one tool a tenant may have out, over all worker processes.

A slot is a lease in Redis that its process renews: those of a dead worker come back by themselves. While Redis is away
each process keeps to the limit by itself; when it has forgotten, the next renewals tell it anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from uuid import uuid4

from workers.gateway.line import Line
from workers.gateway.resilience import AtOnce, Limited

SLOTS = "hartley:slots:{name}:{holder}"
SCRIPT = Path(__file__).with_name("slots.lua").read_text(encoding="utf-8")
LEASE_S = 5.0
FIRST_LOOK_S, LONGEST_LOOK_S, SLOWER = 0.02, 0.5, 1.5  # how often one looks for a slot of another process


class Slots:
    """
    Those of one tool and tenant, as one process sees them: it may be taken for a semaphore.

    Of the calls that wait in one process only the first asks Redis, so they go in the order in which they came.
    """

    def __init__(self, line: Line, key: str, limit: int) -> None:
        self._line, self._key, self._limit, self._lease_s = line, key, limit, LEASE_S
        self._own = asyncio.Semaphore(limit)
        self._first = asyncio.Lock()
        self._leases: list[str] = []
        self._renewing: asyncio.Task[None] | None = None
        self._aside: set[asyncio.Task[Any]] = set()

    def locked(self) -> bool:
        """Nobody knows before it has asked."""
        return True

    async def acquire(self) -> None:
        await self._own.acquire()
        try:
            async with self._first:
                await self._take()
        except BaseException:
            self._own.release()
            raise

    def release(self) -> None:
        """At once; the others hear of it a moment later."""
        lease = self._leases.pop()
        self._own.release()
        self._later(self._tell(drop=[lease]))

    async def _take(self) -> None:
        """Without Redis a lease is this process' own, until the next renewal tells of it."""
        lease, pause = uuid4().hex, FIRST_LOOK_S
        try:
            while (answer := await self._tell(lease)) is not None and not answer["won"]:
                await asyncio.sleep(pause)
                pause = min(pause * SLOWER, LONGEST_LOOK_S)
        except BaseException:
            self._later(self._tell(drop=[lease]))  # the answer may have been under way
            raise
        self._leases.append(lease)
        if self._renewing is None:
            self._renewing = self._later(self._renew())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            if not self._leases:
                self._renewing = None
                return
            await self._tell(keep=list(self._leases))

    async def _tell(self, wanted: str = "", *, keep: list[str] | None = None, drop: list[str] | None = None) -> Any:
        if self._line.away:
            return None
        batch = {"limit": self._limit, "lease_s": self._lease_s, "keep": keep or [], "drop": drop or []}
        return await self._line.tell([self._key], wanted, batch)

    def _later(self, telling: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(telling, name="tools.slots")
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return task


class NoSlots:
    """As many as come."""

    def locked(self) -> bool:
        return False

    async def acquire(self) -> None:
        return

    def release(self) -> None:
        return


class SlotsOf:
    """Makes those of a tool and tenant; a tool without a limit needs none."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __call__(self, name: str, settings: Limited, holder: str) -> AtOnce:
        if settings.local or not settings.connections:
            return NoSlots()
        return Slots(self._line, SLOTS.format(name=name, holder=holder), settings.connections)

    async def close(self) -> None:
        await self._line.close()
