"""What one worker process has: its runner, and the middle beats of the kinds of step it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from celery import Celery
from django.conf import settings

from webapp.orchestration.control import admit_waiting
from webapp.orchestration.steps import StepRef
from workers.runner import Perform, Runner
from workers.services import services
from workers.step_events import StepEvents

CLOSE_S = 5.0


@dataclass
class Process:
    """Set once when the worker is ready. Hints that come earlier are dropped: the sweep repeats them."""

    runner: Runner | None = None
    handlers: dict[str, Perform] = field(default_factory=dict)


this = Process()


def handles(kind: str) -> Callable[[Perform], Perform]:
    """Marks the middle beat of a kind of step."""

    def register(perform: Perform) -> Perform:
        this.handlers[kind] = perform
        return perform

    return register


def start(*, app: Celery, slot: str, queues: Sequence[str]) -> None:
    slots = settings.TOOL_SLOTS if "tools" in queues else settings.LLM_SLOTS
    if "llm" in queues:
        services().follow_catalogue(slot)
    runner = Runner(
        slot=slot,
        queues=queues,
        slots=slots,
        lease_s=settings.LEASE_S,
        hint_s=settings.HINT_S,
        gap_s=settings.HINT_GAP_S,
        sweep_s=settings.SWEEP_S,
        attempts=settings.MAX_ATTEMPTS,
        output_bytes=settings.OUTPUT_LIMIT_BYTES,
        handlers=this.handlers,
        admit=admit_waiting,
        events=StepEvents(app, slot),
    )
    runner.start()
    this.runner = runner


def stop() -> None:
    if this.runner:
        this.runner.drain(settings.DRAIN_S)
        asyncio.run_coroutine_threadsafe(services().close(), this.runner.loop).result(CLOSE_S)


def begin(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """In the runner's loop, beside its steps; returns at once. Before the runner is there nothing happens."""
    if this.runner:
        asyncio.run_coroutine_threadsafe(work(), this.runner.loop)


def offer(items: Iterable[tuple[str, int]]) -> None:
    if this.runner:
        this.runner.offer([StepRef(UUID(task), n) for task, n in items])
