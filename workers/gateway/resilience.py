"""A provider's limits: requests per minute (callers wait), calls at once, and a breaker with a single probe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from workers.gateway.catalogue import Provider
from workers.gateway.errors import BreakerOpen, ModelError, ModelRefused


class Breaker:
    """
    Closed until `failures` in a row; open for `recovery_s`; then one call probes, and its outcome decides.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, name: str, *, failures: int, recovery_s: float, clock: Callable[[], float]) -> None:
        self._name, self._limit, self._recovery_s, self._clock = name, failures, recovery_s, clock
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> str:
        if self._open_until is None:
            return "closed"
        return "half_open" if self._clock() >= self._open_until else "open"

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """
        Raises:
            BreakerOpen: nothing is sent.
        """
        if self.state == "open" or (self.state == "half_open" and self._probing):
            raise BreakerOpen(f"{self._name} has failed {self._failures} times in a row", sent=False, retry_after_s=self._recovery_s)
        probe = self._probing = self.state == "half_open"
        try:
            yield
        except ModelRefused:
            self._close()  # the provider works; the request was wrong
            raise
        except ModelError:
            self._fail()
            raise
        else:
            self._close()
        finally:
            if probe:
                self._probing = False

    def _close(self) -> None:
        self._failures, self._open_until = 0, None

    def _fail(self) -> None:
        self._failures += 1
        if self._failures >= self._limit or self._open_until is not None:
            self._open_until = self._clock() + self._recovery_s


class Guard:
    """All limits of one provider around a call."""

    def __init__(self, provider: Provider) -> None:
        self.breaker = Breaker(
            provider.name, failures=provider.failures, recovery_s=provider.recovery_s, clock=time.monotonic
        )
        self._rate = AsyncLimiter(provider.requests_per_minute, 60)
        self._at_once = asyncio.Semaphore(provider.concurrency)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        async with self._rate, self._at_once, self.breaker.call():
            yield
