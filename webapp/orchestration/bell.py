"""Rings after a commit: hints for what may start, a wake-up for who watches. Many requests' news travel together.

A message costs its sender and its worker more than the step in it, so of what is said at the same moment one message
is made. The first goes out at once; what follows within the gap waits for its end.
"""

from __future__ import annotations

import atexit
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from uuid import UUID

import structlog
from django.conf import settings

from webapp.orchestration import dispatch
from webapp.orchestration.steps import ReadyStep

log = structlog.get_logger()
News = tuple[list[UUID], Sequence[ReadyStep]]
CLOSE_S = 2.0


def ring(changed: Iterable[UUID], ready: Sequence[ReadyStep]) -> None:
    """Returns at once. `changed` are tasks to look at again; those of the ready steps need not be named."""
    _bell().put(([*changed, *(step.ref.task for step in ready)], ready))


@cache
def _bell() -> Bell:
    bell = Bell(settings.HINT_GAP_S)
    atexit.register(bell.close)
    return bell


class Bell:
    """
    Args:
        gap_s: between two messages to the same queue, at least.
    """

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._box: queue.SimpleQueue[News | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
        self._thread.start()

    def put(self, news: News) -> None:
        self._box.put(news)

    def close(self) -> None:
        """Send what waits. What a killed process or a slow broker leaves, the sweep hints."""
        self._box.put(None)
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while first := self._box.get():
            self._send([first, *self._waiting()])
            time.sleep(self._gap_s)

    def _waiting(self) -> Iterator[News]:
        while not self._box.empty():
            news = self._box.get()
            if news is None:
                self._box.put(None)  # for the loop, which ends by it
                return
            yield news

    def _send(self, news: Sequence[News]) -> None:
        try:
            dispatch.send_hints([step for _, ready in news for step in ready])
            dispatch.wake_readers({task for changed, _ in news for task in changed})
        except Exception:  # nobody waits for it, so what goes wrong is told here; the sweep makes it good
            log.exception("bell.failed")
