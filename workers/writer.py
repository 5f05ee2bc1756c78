"""The one writer of a worker process: puts every waiting claim, begin and completion into one transaction.

A thread of its own with its own connection. Group commit is what makes many small steps cheap.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connections

from webapp.common.values import JSON
from webapp.orchestration import engine
from webapp.orchestration.engine import TurnResult
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, StepRef
from workers.context import RETRY_S

log = structlog.get_logger()
T = TypeVar("T")

BATCH = 256


@dataclass(frozen=True)
class Renewal:
    """Extend the leases of these steps."""

    steps: list[ClaimedStep]


Item = StepRef | Begin | Completion | Renewal


class Writer:
    """
    Args:
        free: how many more steps this process may start; bounds what a turn goes on with by itself.
        deliver: called in the writer's thread with each turn's result and the claims it had asked for.
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
        deliver: Callable[[TurnResult, list[StepRef]], None],
        lost: Callable[[set[engine.Attempt]], None],
    ) -> None:
        self._worker, self._queues = worker, queues
        self._lease_s, self._hint_s = lease_s, hint_s
        self._free, self._deliver, self._lost = free, deliver, lost
        self._box: queue.SimpleQueue[tuple[Item, Future[JSON]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, then end."""
        self._box.put(None)
        self._thread.join()

    def put(self, item: Item) -> Future[JSON]:
        """
        The future of a begin holds the engine's answer; of a completion `{"accepted": bool}`, or
        `{"error": text}` when the database refuses its data. Claims and renewals answer by callback.
        """
        future: Future[JSON] = Future()
        self._box.put((item, future))
        return future

    def _run(self) -> None:
        while True:
            first = self._box.get()
            if first is None:
                break
            batch, last = [first], False
            while len(batch) < BATCH and not self._box.empty():
                entry = self._box.get()
                if entry is None:
                    last = True
                    break
                batch.append(entry)
            self._write(batch)
            if last:
                break
        connections["default"].close()

    def _write(self, batch: list[tuple[Item, Future[JSON]]]) -> None:
        for item, _ in batch:
            if isinstance(item, Renewal):
                self._lost(self._patiently(partial(engine.renew, steps=item.steps, lease_s=self._lease_s)))
        claims = [item for item, _ in batch if isinstance(item, StepRef)]
        begins = [item for item, _ in batch if isinstance(item, Begin)]
        completions = [item for item, _ in batch if isinstance(item, Completion)]
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
        except DatabaseError as error:
            self._refused([entry for entry in batch if not isinstance(entry[0], Renewal)], error)
            return
        for item, future in batch:
            if isinstance(item, Begin):
                _tell(future, result.begun[item.step.attempt])
            elif isinstance(item, Completion):
                _tell(future, _answer(result, item))
        self._deliver(result, claims)

    def _refused(self, batch: list[tuple[Item, Future[JSON]]], error: DatabaseError) -> None:
        """One of the batch can't be written: it must not keep the others from it, nor stop the writer."""
        if len(batch) > 1:
            for entry in batch:
                self._write([entry])
            return
        ((item, future),) = batch
        log.error("turn.refused", item=type(item).__name__, error=str(error))
        _tell(future, {"error": str(error)})
        self._deliver(TurnResult(), [item] if isinstance(item, StepRef) else [])

    def _patiently(self, call: Callable[[], T]) -> T:
        """Repeat while the database is away. Harmless: a turn that did commit makes its repetition stale."""
        delays = iter(RETRY_S)
        while True:
            try:
                return call()
            except (OperationalError, InterfaceError) as error:
                delay = next(delays, RETRY_S[-1])
                log.warning("writer.database_away", error=type(error).__name__, retry_s=delay)
                connections["default"].close()
                time.sleep(delay)


def _answer(result: TurnResult, item: Completion) -> JSON:
    refused = result.rejected.get(item.step.attempt)
    return {"error": refused} if refused else {"accepted": item.step.attempt in result.done}


def _tell(future: Future[JSON], answer: JSON) -> None:
    """Whoever asked may have been cancelled while it was written; from here on it can't be."""
    if future.set_running_or_notify_cancel():
        future.set_result(answer)
