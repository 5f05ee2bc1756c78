"""A provider's limits: requests per minute (callers wait), calls at once, and a breaker with a single probe.

The breaker is our own forty lines: those on PyPI that know asyncio let every caller through while they probe,
count a cancelled call as a failure, and let an answer from before the outage close them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

from aiolimiter import AsyncLimiter

from workers.gateway.entries import Provider
from workers.gateway.errors import BreakerOpen, ModelError, ModelRateLimited

State = Literal["closed", "open", "half_open"]


class Breaker:
    """
    Closed until `failures` in a row; open for `recovery_s`; then half open: one call probes, its outcome decides.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, name: str, *, failures: int, recovery_s: float, clock: Callable[[], float]) -> None:
        self._name, self._limit, self._recovery_s, self._clock = name, failures, recovery_s, clock
        self.state: State = "closed"
        self._failures = 0
        self._open_until = 0.0
        self._generation = 0

    @property
    def refuses(self) -> bool:
        """A call now would not be sent."""
        return self.state == "half_open" or (self.state == "open" and self._clock() < self._open_until)

    @contextmanager
    def call(self) -> Iterator[None]:
        """
        An end by anything but a ModelError (a cancellation, say) tells nothing about the provider.

        Raises:
            BreakerOpen: nothing is sent.
        """
        self._admit()
        generation = self._generation
        try:
            yield
        except ModelError as error:
            self._conclude(generation, failed=error.outage)
            raise
        except BaseException:
            self._withdraw(generation)
            raise
        else:
            self._conclude(generation, failed=False)

    def _admit(self) -> None:
        left_s = self._open_until - self._clock()
        if self.state == "open" and left_s <= 0:
            self._enter("half_open")
        elif self.state != "closed":
            message = f"{self._name} has failed {self._failures} times in a row and is left alone for a while"
            raise BreakerOpen(message, sent=False, retry_after_s=left_s if left_s > 0 else self._recovery_s)

    def _conclude(self, generation: int, *, failed: bool) -> None:
        """A call that began in an earlier state has no say in this one."""
        if generation != self._generation:
            return
        self._failures = self._failures + 1 if failed else 0
        if failed and (self.state == "half_open" or self._failures >= self._limit):
            self._open_until = self._clock() + self._recovery_s
            self._enter("open")
        elif self.state == "half_open":
            self._enter("closed")

    def _withdraw(self, generation: int) -> None:
        """A probe without an outcome: the next call probes."""
        if generation == self._generation and self.state == "half_open":
            self._enter("open")

    def _enter(self, state: State) -> None:
        self.state = state
        self._generation += 1


class Guard:
    """All limits of one provider around a call, for one worker process and its event loop."""

    def __init__(self, name: str, settings: Provider) -> None:
        self.settings = settings
        self.breaker = Breaker(
            name, failures=settings.breaker.failures, recovery_s=settings.breaker.recovery_s, clock=time.monotonic
        )
        self._name = name
        self._rate = AsyncLimiter(settings.requests_per_minute, 60)
        self._at_once = asyncio.Semaphore(settings.connections)

    @asynccontextmanager
    async def call(self, *, wait_s: float) -> AsyncIterator[None]:
        """
        Args:
            wait_s: how long a turn may be waited for.
        Raises:
            ModelRateLimited: no turn came in that time; nothing is sent.
            BreakerOpen.
        """
        try:
            async with asyncio.timeout(wait_s):
                await self._rate.acquire()
                await self._at_once.acquire()
        except TimeoutError:
            raise ModelRateLimited(f"No turn at {self._name} within {wait_s:g} s", sent=False) from None
        try:
            with self.breaker.call():
                yield
        finally:
            self._at_once.release()
