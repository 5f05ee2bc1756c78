"""A provider's limits over all worker processes, through Redis: one bucket for each key, one breaker, one probe.

Redis may vanish or forget at any moment. While it is away each process goes by its own limits (resilience.py); when it
has forgotten, buckets are full again, and an open breaker is restored by the first worker that knows of it.
The connections are each process' own at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from webapp.common.breakers import BREAKERS, BUCKET
from workers.gateway.desk import Desk, Kept, Turn
from workers.gateway.errors import ModelError
from workers.gateway.line import Line
from workers.gateway.resilience import Guard, Limited, Limits, LocalGuards, holder_of, no_turn


class SharedGuards:
    """
    The guards of one process that share their limits with those of all others. Made in the loop that uses it.

    Args:
        kept: where the breaker of a name lies.
    """

    def __init__(
        self,
        line: Line,
        *,
        local: LocalGuards | None = None,
        kept: Callable[[str], Kept] = lambda _name: Kept(BREAKERS),
    ) -> None:
        self._line, self._kept = line, kept
        self._local = local or LocalGuards()
        self._desks: dict[str, Desk] = {}

    @classmethod
    def to(cls, redis_url: str, *, connections: int) -> SharedGuards:
        return cls(Line.to(redis_url, connections=connections))

    def __call__(self, name: str, settings: Limited, key: str | None) -> Limits:
        """What answers without a network has nothing to share."""
        local = self._local(name, settings, key)
        if settings.local:
            return local
        desk = self._desks.get(name)
        if desk is None or desk.breaker is not local.breaker:
            desk = self._desks[name] = Desk(name, settings, local.breaker, self._line, self._kept(name))
        return SharedGuard(name, local, desk, BUCKET.format(provider=name, holder=holder_of(key)))

    def forget(self, name: str) -> None:
        """What its calls that are out still use they keep; a later one begins with what Redis knows."""
        self._desks.pop(name, None)
        self._local.forget(name)

    def down(self) -> set[str]:
        return self._local.down()

    async def close(self) -> None:
        await self._line.close()


class SharedGuard:
    """
    Args:
        local: has the connections, and all other limits while Redis is away.
        bucket: the name of the key's bucket in Redis.
    """

    def __init__(self, name: str, local: Guard, desk: Desk, bucket: str) -> None:
        self._name, self._local, self._desk, self._bucket = name, local, desk, bucket

    @asynccontextmanager
    async def call(self, *, wait_s: float) -> AsyncIterator[None]:
        """
        Args:
            wait_s: how long a turn may be waited for.
        Raises:
            ModelRateLimited: no turn came in that time; nothing is sent.
            BreakerOpen.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + wait_s
        turn = await self._desk.ask(self._bucket, wait_s)
        if turn is None:
            async with self._local.call(wait_s=deadline - now()):
                yield
            return
        turn = await self._connected(self._passed(turn, wait_s), deadline, wait_s)
        try:
            with self._concluded(turn) if turn else self._local.breaker.call():
                yield
        finally:
            self._local.at_once.release()

    def _passed(self, turn: Turn, wait_s: float) -> Turn:
        if turn.refused == "rate":
            raise no_turn(self._name, wait_s, turn_in_s=turn.wait_s)
        if turn.refused == "breaker":
            raise self._desk.breaker.refusal()
        return turn

    async def _connected(self, turn: Turn, deadline: float, wait_s: float) -> Turn | None:
        """Wait for the token and for a connection. The breaker may have opened meanwhile, so a call that waited asks."""
        waits = turn.wait_s > 0
        try:
            if waits:
                await asyncio.sleep(turn.wait_s)
            waits = waits or self._local.at_once.locked()
            async with asyncio.timeout_at(deadline):
                await self._local.at_once.acquire()
        except BaseException as error:
            self._desk.give_back(turn, self._bucket)
            if isinstance(error, TimeoutError):
                raise no_turn(self._name, wait_s) from None
            raise
        return await self._checked(turn) if waits else turn

    async def _checked(self, turn: Turn) -> Turn | None:
        """Has a connection, which it gives back when it may not go. A probe that waited has to ask for its right anew."""
        self._desk.withdraw(turn)
        try:
            checked = await self._desk.check()
            return checked and self._passed(checked, 0)
        except BaseException:
            self._local.at_once.release()
            self._desk.give_back(Turn(), self._bucket)
            raise

    @contextmanager
    def _concluded(self, turn: Turn) -> Iterator[None]:
        """An end by anything but a ModelError (a cancellation, say) tells nothing about the provider."""
        place = self._desk.began()
        try:
            with self._renewed(turn):
                yield
        except ModelError as error:
            self._desk.ended(turn, place, error)
            raise
        except BaseException:
            self._desk.withdraw(turn, place)
            raise
        else:
            self._desk.ended(turn, place, None)

    @contextmanager
    def _renewed(self, turn: Turn) -> Iterator[None]:
        """A probe keeps its right while it is out, however long: others would else probe beside it."""
        if not turn.probe:
            yield
            return
        renewing = asyncio.get_running_loop().create_task(self._renew(turn))
        try:
            yield
        finally:
            renewing.cancel()

    async def _renew(self, turn: Turn) -> None:
        while True:
            await asyncio.sleep(self._local.settings.breaker.recovery_s / 3)
            self._desk.renew(turn)
