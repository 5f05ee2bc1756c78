"""Asks one after the other until somebody answers, and a second one beside a slow first. Knows nothing of models."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from webapp.common.errors import HartleyError
from workers.beats import StepLost
from workers.retries import RULES

T = TypeVar("T")
Ask = Callable[[bool], Awaitable[T]]  # told whether it runs beside an earlier one

MOST_SAVED = 20.0  # hedges that a quiet time may save up


class HedgeShare:
    """Keeps hedges below a share of all calls: each call earns a part of one."""

    def __init__(self, share: float) -> None:
        self._share, self._saved = share, 0.0

    def earn(self) -> None:
        self._saved = min(MOST_SAVED, self._saved + self._share)

    def take(self) -> bool:
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


@dataclass(frozen=True)
class Hedge:
    """
    Args:
        after_s: how long the first is waited for alone; 0 starts two together.
        may: asked then; False goes on waiting.
    """

    after_s: float
    may: Callable[[], bool]


class Race(Generic[T]):
    """
    The first success counts; whoever still runs then, or when the race is cancelled, is cancelled and waited for.

    Attributes:
        running: how many are being asked.
    """

    def __init__(self, asks: Sequence[Ask[T]], hedge: Hedge | None = None) -> None:
        self._left = list(asks)
        self._hedge = hedge
        self._tasks: set[asyncio.Task[T]] = set()
        self._failures: list[HartleyError] = []

    @property
    def running(self) -> int:
        return len(self._tasks)

    async def run(self) -> T:
        """
        Raises:
            HartleyError: what the first fails with, where that would be the same everywhere (its `elsewhere` is False);
                else of all failures the first that another attempt may mend, or the first.
            StepLost: at once.
        """
        try:
            while True:
                if not self._tasks:
                    self._start(beside=False)
                done, _ = await asyncio.wait(
                    self._tasks, timeout=self._hedge.after_s if self._hedge else None, return_when="FIRST_COMPLETED"
                )
                for task in done:
                    self._tasks.discard(task)
                    if (failure := _failure(task)) is None:
                        return task.result()
                    self._failed(failure)
                if not done:
                    self._start_hedge()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, *, beside: bool) -> None:
        if not self._left:
            raise _worth_telling(self._failures)
        self._tasks.add(asyncio.ensure_future(self._left.pop(0)(beside)))

    def _start_hedge(self) -> None:
        hedge, self._hedge = self._hedge, None
        if hedge and self._left and hedge.may():
            self._start(beside=True)

    def _failed(self, failure: HartleyError) -> None:
        if isinstance(failure, StepLost):
            raise failure
        self._hedge = None
        self._failures.append(failure)
        if len(self._failures) == 1 and not self._tasks and not getattr(failure, "elsewhere", False):
            raise failure


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
    return next((failure for failure in failures if getattr(failure, "kind", "") in RULES), failures[0])
