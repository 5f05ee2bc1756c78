"""Asks one after the other until somebody answers, and a second one beside a slow first. Knows nothing of models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from webapp.common.errors import HartleyError
from workers.beats import StepLost
from workers.retries import RULES

T = TypeVar("T")
Ask = Callable[[bool], Awaitable[T]]  # told whether it runs beside an earlier one

MOST_SAVED = 20.0  # hedges that a quiet time may save up
KEPT = 5.0  # of them, for calls that take much longer than is usual
AGAIN_LEAST_S = 0.05


class HedgeShare:
    """Keeps hedges below a share of all calls: each call earns a part of one. A few are there from the start."""

    def __init__(self, share: float) -> None:
        self._share, self._saved = share, KEPT if share else 0.0

    def earn(self) -> None:
        self._saved = min(MOST_SAVED, self._saved + self._share)

    def take(self, *, urgent: bool) -> bool:
        """
        Args:
            urgent: it has waited for one before. Five calls of a hundred are beyond the p95 by a little, and would leave
                nothing for the one that hangs.
        """
        if self._saved < 1.0 + (0.0 if urgent else KEPT):
            return False
        self._saved -= 1.0
        return True


@dataclass(frozen=True)
class Hedge:
    """
    Args:
        after_s: how long the first is waited for alone, from when it says that it is `asked`; 0 starts two together.
        wanted: False: the first goes on alone, for good.
        may: False: it is asked again after as long, with True for its argument.
    """

    after_s: float
    wanted: Callable[[], bool] = lambda: True
    may: Callable[[bool], bool] = lambda _urgent: True


class Race(Generic[T]):
    """
    The first success counts; whoever still runs then, or when the race is cancelled, is cancelled and waited for.

    Attributes:
        running: how many are being asked.
    """

    def __init__(self, asks: Sequence[Ask[T]], hedge: Hedge | None = None) -> None:
        self._left = list(asks)
        self._hedge = hedge
        self._asked = asyncio.Event()
        self._tasks: set[asyncio.Task[T]] = set()
        self._company: set[asyncio.Task[None]] = set()
        self._failures: list[HartleyError] = []

    @property
    def running(self) -> int:
        return len(self._tasks)

    def asked(self) -> None:
        """What is done before that (to record it, say) is no sign of a slow answer."""
        self._asked.set()

    async def run(self) -> T:
        """
        Raises:
            HartleyError: what the first fails with, where that would be the same everywhere (its `elsewhere` is False);
                else of all failures the one whose class is tried again most often, the first of its like.
            StepLost: at once.
        """
        if self._hedge:
            self._company = {asyncio.ensure_future(self._join(self._hedge))}
        try:
            while True:
                if not self._tasks:
                    self._start(beside=False)
                done, _ = await asyncio.wait({*self._tasks, *self._company}, return_when="FIRST_COMPLETED")
                self._company -= done
                for task in self._tasks & done:
                    self._tasks.discard(task)
                    if (failure := _failure(task)) is None:
                        return task.result()
                    self._failed(failure)
        finally:
            await _stopped({*self._tasks, *self._company})

    def _start(self, *, beside: bool) -> None:
        if not self._left:
            raise _worth_telling(self._failures)
        self._tasks.add(asyncio.ensure_future(self._left.pop(0)(beside)))

    async def _join(self, hedge: Hedge) -> None:
        """Start a second one beside the first."""
        await self._asked.wait()
        await asyncio.sleep(hedge.after_s)
        urgent = False
        while hedge.wanted() and self._left:
            if hedge.may(urgent):
                self._start(beside=True)
                return
            await asyncio.sleep(max(hedge.after_s, AGAIN_LEAST_S))
            urgent = True

    def _failed(self, failure: HartleyError) -> None:
        if isinstance(failure, StepLost):
            raise failure
        for waiting in self._company:
            waiting.cancel()
        self._failures.append(failure)
        if len(self._failures) == 1 and not self._tasks and not getattr(failure, "elsewhere", False):
            raise failure


async def _stopped(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _failure(task: asyncio.Task[T]) -> HartleyError | None:
    """
    Raises:
        BaseException: what is no failure that we foresee.
    """
    error = task.exception()
    if error is None or isinstance(error, HartleyError):
        return error
    raise error


def _worth_telling(failures: Sequence[HartleyError]) -> HartleyError:
    def tries(failure: HartleyError) -> int:
        rule = RULES.get(getattr(failure, "kind", ""))
        return rule.tries if rule else 0

    return max(failures, key=tries)
