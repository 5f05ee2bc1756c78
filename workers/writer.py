"""The one writer of a worker process: puts every waiting claim, begin and completion into one transaction.

A thread of its own with its own connection. Group commit is what makes many small steps cheap.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connections

from webapp.common.values import JSON
from webapp.orchestration import engine
from webapp.orchestration.engine import TurnResult
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, StepRef
from workers.retries import DATABASE_AWAY_S

log = structlog.get_logger()
T = TypeVar("T")

BATCH = 256


@dataclass(frozen=True)
class Renewal:
    """Extend the leases of these steps."""

    steps: list[ClaimedStep]


Item = StepRef | Begin | Completion | Renewal


@dataclass(frozen=True)
class Entry:
    """Something to write; `reply` names who waits for the answer."""

    item: Item
    reply: Any = None


Answers = list[tuple[Any, JSON]]


class Writer:
    """
    Args:
        free: how many more steps this process may start; bounds what a turn goes on with by itself.
        deliver: called in the writer's thread with each turn's result, the claims it had asked for, and an answer for
            each begin (the engine's) and completion (`{"accepted": bool}`, or `{"error": text}` when the database
            refuses its data, or it is none) that names whom to reply to. Claims and renewals have no answer of their own.
        lost: called with the attempts whose lease is no longer ours.
    """

    def __init__(
        self,
        *,
        worker: str,
        queues: Sequence[str],
        lease_s: float,
        hint_s: float,
        free: Callable[[], int],
        deliver: Callable[[TurnResult, list[StepRef], Answers], None],
        lost: Callable[[set[engine.Attempt]], None],
    ) -> None:
        self._worker, self._queues = worker, queues
        self._lease_s, self._hint_s = lease_s, hint_s
        self._free, self._deliver, self._lost = free, deliver, lost
        self._box: queue.SimpleQueue[Sequence[Entry] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, then end."""
        self._box.put(None)
        self._thread.join()

    def put(self, entries: Sequence[Entry]) -> None:
        """
        They are written together, with whatever else is waiting by then; so many at once that no one waits for long.
        """
        for first in range(0, len(entries), BATCH):
            self._box.put(entries[first : first + BATCH])

    def _run(self) -> None:
        while True:
            first = self._box.get()
            if first is None:
                break
            batch, last = [*first], False
            while len(batch) < BATCH and not self._box.empty():
                more = self._box.get()
                if more is None:
                    last = True
                    break
                batch += more
            self._write(batch)
            if last:
                break
        connections["default"].close()

    def _write(self, batch: Sequence[Entry]) -> None:
        for entry in batch:
            if isinstance(entry.item, Renewal):
                self._lost(self._patiently(partial(engine.renew, steps=entry.item.steps, lease_s=self._lease_s)))
        claims = [entry.item for entry in batch if isinstance(entry.item, StepRef)]
        begins = [entry.item for entry in batch if isinstance(entry.item, Begin)]
        completions = [entry.item for entry in batch if isinstance(entry.item, Completion)]
        if not (claims or begins or completions):
            return
        try:
            result = self._patiently(
                lambda: engine.turn(
                    worker=self._worker,
                    queues=self._queues,
                    take=self._free(),
                    lease_s=self._lease_s,
                    hint_s=self._hint_s,
                    completions=completions,
                    begins=begins,
                    claims=claims,
                )
            )
        except (DatabaseError, TypeError, ValueError, RecursionError) as error:  # of the database, or no JSON at all
            self._refused([entry for entry in batch if not isinstance(entry.item, Renewal)], error)
            return
        answers = [(entry.reply, _answer(result, entry.item)) for entry in batch if entry.reply is not None]
        self._deliver(result, claims, answers)

    def _refused(self, batch: Sequence[Entry], error: Exception) -> None:
        """One of the batch can't be written: it must not keep the others from it, nor stop the writer."""
        if len(batch) > 1:
            for entry in batch:
                self._write([entry])
            return
        (entry,) = batch
        log.error("turn.refused", item=type(entry.item).__name__, error=str(error))
        answers = [(entry.reply, {"error": str(error)})] if entry.reply is not None else []
        self._deliver(TurnResult(), [entry.item] if isinstance(entry.item, StepRef) else [], answers)

    def _patiently(self, call: Callable[[], T]) -> T:
        """Repeat while the database is away. Harmless: what did commit is stale, lost or known when it is said again."""
        delays = iter(DATABASE_AWAY_S)
        while True:
            try:
                return call()
            except (OperationalError, InterfaceError) as error:
                delay = next(delays, DATABASE_AWAY_S[-1])
                log.warning("writer.database_away", error=type(error).__name__, retry_s=delay)
                connections["default"].close()
                time.sleep(delay)


def _answer(result: TurnResult, item: Item) -> JSON:
    if isinstance(item, Begin):
        return result.begun[item.step.attempt]
    assert isinstance(item, Completion)
    return {"accepted": item.step.attempt in result.done}
