"""Ends what runs too long: compute by an interrupt, and a little later what no interrupt reaches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

TICK_S = 0.1
LATE_S = 0.1  # what has not ended this long after the interrupt is blocked in a host call


@dataclass(eq=False)
class Watched:
    """
    One piece of work.

    Args:
        wall_s: how long it may take.
        interrupt: called after `wall_s`, or earlier when `look` finds a reason.
        blocked: called when the work is not over even then. It must end the process.
        look: called every `TICK_S`; True interrupts the work.
    """

    wall_s: float
    interrupt: Callable[[], None]
    blocked: Callable[[], None]
    look: Callable[[], bool] = lambda: False
    late: bool = False

    def over(self, ended: threading.Event) -> None:
        """Wait for the end, and bring it about when it doesn't come."""
        due = time.monotonic() + self.wall_s
        while not ended.wait(min(TICK_S, max(0.0, due - time.monotonic()))):
            self.late = time.monotonic() >= due
            if self.late or self.look():
                self.interrupt()
                if not ended.wait(LATE_S):
                    self.blocked()
                return


class Watch:
    """A thread that watches one piece of work after the other. A thread for each would cost a tenth of a short run."""

    def __init__(self) -> None:
        self._given, self._ended, self._seen = threading.Semaphore(0), threading.Event(), threading.Event()
        self._work: Watched | None = None
        threading.Thread(target=self._watch, daemon=True).start()

    @contextmanager
    def over(self, work: Watched) -> Iterator[Self]:
        self._ended.clear()
        self._seen.clear()
        self._work = work
        self._given.release()
        try:
            yield self
        finally:
            self._ended.set()
            self._seen.wait()  # no interrupt may reach the next run

    def _watch(self) -> None:
        while self._given.acquire():
            assert self._work
            self._work.over(self._ended)
            self._seen.set()
