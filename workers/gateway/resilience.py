"""A provider's limits: requests per minute (callers wait), calls at once, and a breaker with a single probe.

These are of one process; shared.py has those of all. The breaker is our own forty lines: those on PyPI that know asyncio let every caller through while they probe,
count a cancelled call as a failure, and let an answer from before the outage close them.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Literal, Protocol

import structlog
from aiolimiter import AsyncLimiter

from workers.gateway.entries import BreakerLimits
from workers.gateway.errors import BreakerOpen, ModelError, ModelRateLimited
from workers.gateway.row import Place, Row

log = structlog.get_logger()
State = Literal["closed", "open", "half_open"]
OPERATOR = "operator"  # stands for the operator's own key
KEYS_KEPT = 1000  # per provider; a key that comes back after so many others begins with a full bucket


class Limited(Protocol):
    """
    What the limits of one kind of calls are: a provider's, or a tool's.

    Attributes:
        local: it answers without a network, so there is nothing to share with other processes.
    """

    @property
    def requests_per_minute(self) -> int: ...
    @property
    def connections(self) -> int: ...
    @property
    def breaker(self) -> BreakerLimits: ...
    @property
    def local(self) -> bool: ...


class AtOnce(Protocol):
    """How many calls may be out; a semaphore is one."""

    def locked(self) -> bool:
        """To get a place may take a while."""
        ...

    async def acquire(self) -> object: ...
    def release(self) -> None: ...


class AtOnceOf(Protocol):
    """Makes it by the name of what is called, its limits, and whose calls they are."""

    def __call__(self, name: str, settings: Limited, holder: str, /) -> AtOnce: ...


class Limits(Protocol):
    """What a call passes on its way to a provider; see Guard."""

    def call(self, *, wait_s: float) -> AbstractAsyncContextManager[None]: ...


class GuardOf(Protocol):
    """Finds the limits by a provider's name, its settings, and an API key."""

    def __call__(self, name: str, settings: Limited, key: str | None, /) -> Limits: ...

    def down(self) -> set[str]:
        """Providers that are left alone now, as far as this process knows."""
        ...


class Breaker:
    """
    Closed until `failures` in a row (see row.py); open for `recovery_s`; then half open: one call probes, its outcome decides.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, name: str, *, failures: int, recovery_s: float, clock: Callable[[], float]) -> None:
        self._name, self._limit, self._recovery_s, self._clock = name, failures, recovery_s, clock
        self.state: State = "closed"
        self._failures = 0
        self._open_until = 0.0
        self._generation = 0
        self._row = Row(failures)

    @property
    def refuses(self) -> bool:
        """A call now would not be sent, nor be a probe."""
        return self.state == "open" and self._clock() < self._open_until

    @contextmanager
    def call(self) -> Iterator[None]:
        """
        An end by anything but a ModelError (a cancellation, say) tells nothing about the provider.

        Raises:
            BreakerOpen: nothing is sent.
        """
        self._admit()
        generation, place = self._generation, self._row.began()
        try:
            yield
        except ModelError as error:
            self._conclude(generation, place, failed=error.outage)
            raise
        except BaseException:
            self._row.nothing(place)
            self._withdraw(generation)
            raise
        else:
            self._conclude(generation, place, failed=False)

    @property
    def left_s(self) -> float:
        """Until the next call may probe; never below zero."""
        return max(0.0, self._open_until - self._clock()) if self.state != "closed" else 0.0

    @property
    def failures(self) -> int:
        return self._failures

    def refusal(self) -> BreakerOpen:
        message = f"{self._name} has failed {self._failures} times in a row and is left alone for a while"
        return BreakerOpen(message, sent=False, retry_after_s=self.left_s or self._recovery_s)

    def follow(self, state: State, *, failures: int, left_s: float) -> None:
        """Take over what another breaker says. Its probe is not ours: that state is open as long as the right lasts."""
        own: State = "closed" if state == "closed" else "open"
        if own != self.state:
            self._generation += 1
        self.state, self._failures, self._open_until = own, failures, self._clock() + left_s

    def _admit(self) -> None:
        if self.state == "open" and self.left_s <= 0:
            self._enter("half_open", "breaker.probing")
        elif self.state != "closed":
            raise self.refusal()

    def _conclude(self, generation: int, place: Place, *, failed: bool) -> None:
        """A call that began in an earlier state has no say in this one."""
        certain = ends_in_row(self._row, place, failed=failed)
        if generation != self._generation:
            return
        self._failures = self._failures + certain if failed else 0
        if failed and (self.state == "half_open" or self._failures >= self._limit):
            self._open_until = self._clock() + self._recovery_s
            self._enter("open", "breaker.opened")
        elif self.state == "half_open":
            self._enter("closed", "breaker.closed")

    def _withdraw(self, generation: int) -> None:
        """A probe without an outcome: the next call probes."""
        if generation == self._generation and self.state == "half_open":
            self._enter("open", "breaker.probe_withdrawn")

    def _enter(self, state: State, event: str) -> None:
        self.state = state
        self._generation += 1
        log.warning(event, provider=self._name, failures=self._failures, shared=False)


class Guard:
    """
    All limits of one provider around a call, for one worker process and its event loop.

    Args:
        beside: the provider's guard for another key. They have one breaker and, unless told, the same connections.
    """

    def __init__(
        self, name: str, settings: Limited, *, beside: Guard | None = None, at_once: AtOnce | None = None
    ) -> None:
        self.settings = settings
        self.breaker: Breaker = beside.breaker if beside else _breaker(name, settings)
        shared = beside.at_once if beside else asyncio.Semaphore(settings.connections)
        self.at_once: AtOnce = at_once or shared
        self._name = name
        self._rate = AsyncLimiter(settings.requests_per_minute, 60)

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
                await self.at_once.acquire()
        except TimeoutError:
            raise no_turn(self._name, wait_s) from None
        try:
            with self.breaker.call():
                yield
        finally:
            self.at_once.release()


def ends_in_row(row: Row, place: Place, *, failed: bool) -> int:
    """The failures that are certain to be in a row by this end."""
    if failed:
        return row.failed(place)
    row.well(place)
    return 0


def _breaker(name: str, settings: Limited) -> Breaker:
    limits = settings.breaker
    return Breaker(name, failures=limits.failures, recovery_s=limits.recovery_s, clock=time.monotonic)


class LocalGuards:
    """
    The guards of one process, one for each provider and key. Changed limits get new ones; calls end under the old.

    Args:
        at_once: counts each key's calls by itself; without it all keys of a provider share its connections.
    """

    def __init__(self, at_once: AtOnceOf | None = None) -> None:
        self._guards: dict[str, dict[str, Guard]] = {}
        self._at_once = at_once

    def __call__(self, name: str, settings: Limited, key: str | None) -> Guard:
        guards = self._guards.get(name)
        if guards is None or _differ(guards[OPERATOR].settings, settings):
            guards = self._guards[name] = {OPERATOR: Guard(name, settings)}
        holder = holder_of(key)
        guard = guards.pop(holder, None) or self._beside(guards[OPERATOR], name, holder)
        guards[holder] = guard  # the last used is last
        if len(guards) > KEYS_KEPT:
            del guards[next(holder for holder in guards if holder != OPERATOR)]
        return guard

    def forget(self, name: str) -> None:
        self._guards.pop(name, None)

    def _beside(self, first: Guard, name: str, holder: str) -> Guard:
        at_once = self._at_once(name, first.settings, holder) if self._at_once else None
        return Guard(name, first.settings, beside=first, at_once=at_once)

    def down(self) -> set[str]:
        return {name for name, guards in self._guards.items() if guards[OPERATOR].breaker.refuses}


def holder_of(key: str | None) -> str:
    """Whose bucket it is; the key can't be told from it."""
    return hashlib.sha256(key.encode()).hexdigest()[:16] if key else OPERATOR


def no_turn(name: str, wait_s: float, *, turn_in_s: float | None = None) -> ModelRateLimited:
    """`turn_in_s`: when a turn would have come, where that is known."""
    error = ModelRateLimited(f"No turn at {name} within {wait_s:g} s", sent=False)
    error.turn_in_s = turn_in_s
    return error


def _differ(one: Limited, other: Limited) -> bool:
    return one is not other and one != other
