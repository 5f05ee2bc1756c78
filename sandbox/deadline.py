"""Ends what runs too long: compute by an interrupt, and a little later what no interrupt reaches."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

LATE_S = 0.25  # what has not ended this long after the interrupt is blocked in a host call


class Deadline(threading.Thread):
    """
    Around the code that is watched.

    Args:
        interrupt: called after `wall_s`.
        blocked: called when the block is not left even then. It must end the process.
    """

    def __init__(self, *, wall_s: float, interrupt: Callable[[], None], blocked: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._wall_s, self._interrupt, self._blocked = wall_s, interrupt, blocked
        self._over = threading.Event()
        self.passed = False

    def run(self) -> None:
        if self._over.wait(self._wall_s):
            return
        self.passed = True
        self._interrupt()
        if not self._over.wait(LATE_S):
            self._blocked()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()  # no interrupt may reach the next run
