"""Tells Flower of steps, as Celery's task events: a picture for people, on which nothing depends.

Celery itself knows only the hints. An attempt of a step is a task there: its id is `task-step-attempt`, its name the
step's kind, its root the task, its parent the first step that it waited for. Inputs and outputs are not told.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import structlog
from celery import Celery
from celery.events import EventDispatcher

from webapp.orchestration.steps import ClaimedStep, Completion

log = structlog.get_logger()
KEPT = 20_000  # events that wait to be sent; beyond, the oldest are dropped
ENDS = {"done": "task-succeeded", "failed": "task-failed", "retry": "task-retried", "handback": "task-retried"}


class StepEvents:
    """`started` and `ended` only note; `flush` sends, in whatever one thread calls it."""

    def __init__(self, app: Celery, hostname: str) -> None:
        self._app, self._hostname = app, hostname
        self._noted: deque[tuple[str, dict[str, Any]]] = deque(maxlen=KEPT)
        self._dispatcher: EventDispatcher | None = None

    def started(self, step: ClaimedStep) -> None:
        at = time.time()
        first = f"{step.task}-{step.parents[0]}" if step.parents else None
        self._noted.append(
            (
                "task-received",
                {
                    "uuid": _name(step),
                    "name": step.kind,
                    "args": f"(step {step.n} of task {step.task}, attempt {step.fence})",
                    "kwargs": "{}",
                    "retries": step.retries,
                    "root_id": str(step.task),
                    "parent_id": first,
                    "timestamp": at,
                },
            )
        )
        self._noted.append(("task-started", {"uuid": _name(step), "timestamp": at}))

    def ended(self, completion: Completion, *, ran_s: float) -> None:
        told: dict[str, Any] = {"uuid": _name(completion.step), "timestamp": time.time()}
        if completion.status == "done":
            told |= {"result": "done", "runtime": ran_s}
        else:
            told |= {"exception": str((completion.error or {}).get("code", completion.status)), "traceback": ""}
        self._noted.append((ENDS[completion.status], told))

    def flush(self) -> None:
        """All together. What can't be sent now is dropped: the rows have it."""
        if not self._noted:
            return
        try:
            dispatcher = self._dispatcher = self._dispatcher or self._connected()
            while self._noted:
                type_, fields = self._noted.popleft()
                dispatcher.send(type_, **fields)
            dispatcher.flush()
        except Exception as error:  # the broker is away, in one of the many ways of its libraries
            log.debug("events.lost", error=type(error).__name__)
            self._dispatcher = None

    def _connected(self) -> EventDispatcher:
        return self._app.events.Dispatcher(
            self._app.connection_for_write(),
            hostname=self._hostname,
            buffer_while_offline=False,
            buffer_group=frozenset(["task"]),
            buffer_limit=KEPT,
        )


def _name(step: ClaimedStep) -> str:
    return f"{step.task}-{step.n}-{step.fence}"
