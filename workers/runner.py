"""Runs the steps of one worker process: takes hints, claims through the writer, performs in one event loop.

Celery's messages only bring hints. What runs, how much at once, when it stops: decided here.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import InterfaceError, OperationalError, connections

from webapp.agent_tasks import presence
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration import dispatch, engine
from webapp.orchestration.engine import TurnResult
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, ReadyStep, StepRef
from workers.beats import Beats, StepLost
from workers.listener import EndedListener
from workers.retries import retry_delay_s
from workers.step_events import StepEvents
from workers.writer import Answers, Entry, Renewal, Writer

log = structlog.get_logger()

Perform = Callable[[ClaimedStep, Beats], Awaitable[Completion]]


REJECTED = {"code": "step.output_rejected", "message": "The database refused this step's output"}


class StepTimeout(HartleyError):
    """The attempt took longer than its plan allows; what it had sent is paid for."""

    code = "step.timeout"
    kind = "timeout"

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"The step took longer than {timeout_s:g} s")


class OutputUnfit(HartleyError):
    """The step brought what is not JSON, such as NaN."""

    code = REJECTED["code"]

    def __init__(self, why: Exception) -> None:
        super().__init__(f"The step's output is not JSON: {why}")


class OutputTooLarge(HartleyError):
    """What the step brought doesn't fit into its row; large results belong into files."""

    code = "step.output_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The step's output has {size} bytes as JSON; the limit is {limit}")


REPORT_S = 0.5
PENDING_LIMIT = 10_000  # hints kept while all slots are full; beyond, the sweep hints again


class Runner:
    """
    Args:
        slot: the worker's name, stable over restarts: a new process frees what its predecessor held.
        slots: how many steps may run at once.
        gap_s: between two messages to readers of what has changed.
        sweep_s: how often it looks itself for what is due of its queues, so that work goes on without messages.
        attempts: of a step whose workers are lost, at most.
        output_bytes: of a step's output, at most.
        handlers: the middle beat of each kind of step.
        admit: lets queued tasks of these tenants run.
        events: tells Flower.
    """

    def __init__(
        self,
        *,
        slot: str,
        queues: Sequence[str],
        slots: int,
        lease_s: float,
        hint_s: float,
        gap_s: float,
        sweep_s: float,
        attempts: int,
        output_bytes: int,
        handlers: Mapping[str, Perform],
        admit: Callable[[Iterable[UUID]], Sequence[ReadyStep]],
        events: StepEvents,
    ) -> None:
        self.worker = f"{slot}/{uuid4().hex[:12]}"
        self._slot, self._handlers, self._slots = slot, handlers, slots
        self._queues, self._lease_s, self._hint_s, self._gap_s = queues, lease_s, hint_s, gap_s
        self._sweep_s, self._attempts, self._output_bytes = sweep_s, attempts, output_bytes
        self._admit, self._events = admit, events
        self._pending: deque[StepRef] = deque(maxlen=PENDING_LIMIT)
        self._running: dict[engine.Attempt, tuple[ClaimedStep, asyncio.Task[None]]] = {}
        self._asked = 0  # claims on their way
        self._outbox: list[Entry] = []
        self._changed: set[UUID] = set()  # tasks of which readers are about to hear
        self._lock = threading.Lock()
        self._stopping = False
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="steps", daemon=True)
        self._publisher = ThreadPoolExecutor(1, thread_name_prefix="publisher")
        self._writer = Writer(
            worker=self.worker,
            queues=queues,
            lease_s=lease_s,
            hint_s=hint_s,
            free=self._free,
            deliver=self._deliver,
            lost=self._cancel_attempts,
        )
        self._listener = EndedListener(self.cancel_tasks)

    # --- life ---

    def start(self) -> None:
        self._thread.start()
        self._writer.start()
        freed = engine.take_over(slot=self._slot, worker=self.worker)
        self.loop.call_soon_threadsafe(self._renew_later)
        self.loop.call_soon_threadsafe(self._sweep_later)
        self.loop.call_soon_threadsafe(self._report_later)
        self._listener.start()
        log.info("runner.started", worker=self.worker, slots=self._slots, freed=freed)

    def drain(self, within_s: float) -> None:
        """Take nothing new, let what runs finish within the limit, hand back the rest, give up all leases."""
        self._stopping = True
        self._listener.stop()
        deadline = time.monotonic() + within_s
        while self._running and time.monotonic() < deadline:
            time.sleep(0.02)
        handed_back = len(self._running)
        self._cancel_attempts(set(self._running))
        while self._running and time.monotonic() < deadline + 2:
            time.sleep(0.01)
        self._writer.stop()
        self._beside(dispatch.wake_readers, self._changed)
        self._beside(self._events.flush)
        self._beside(presence.gone, slot=self._slot)
        self._publisher.shutdown(wait=True)
        log.info("runner.stopped", handed_back=handed_back)

    # --- hints and claims ---

    def offer(self, refs: Iterable[StepRef]) -> None:
        """Thread-safe; returns at once."""
        if self._stopping:
            return
        with self._lock:
            self._pending.extend(refs)
        self._pump()

    def _free(self) -> int:
        return 0 if self._stopping else max(0, self._slots - len(self._running) - self._asked)

    def _pump(self) -> None:
        with self._lock:
            some = [self._pending.popleft() for _ in range(min(len(self._pending), self._free()))]
            self._asked += len(some)
        if some:
            self._writer.put([Entry(ref) for ref in some])

    def _put(self, item: Begin | Completion) -> asyncio.Future[JSON]:
        """In the loop. All that its steps have to say in one round goes to the writer together."""
        answer: asyncio.Future[JSON] = self.loop.create_future()
        if not self._outbox:
            self.loop.call_soon(self._flush)
        self._outbox.append(Entry(item, answer))
        return answer

    def _flush(self) -> None:
        entries, self._outbox = self._outbox, []
        self._writer.put(entries)

    def _deliver(self, result: TurnResult, asked: list[StepRef], answers: Answers) -> None:
        """In the writer's thread."""
        with self._lock:
            self._asked -= len(asked)
        self.loop.call_soon_threadsafe(self._arrived, result, asked, answers)
        if result.ready or result.ended:
            self._beside(self._publish, result)
        self._pump()

    def _beside(self, call: Callable[..., object], *args: object, **named: object) -> None:
        """In the publisher's thread, one after the other. Nobody waits for it, so what goes wrong is told here."""

        def told() -> None:
            try:
                call(*args, **named)
            except Exception:
                log.exception("publisher.failed", call=call.__name__)

        self._publisher.submit(told)

    def _publish(self, result: TurnResult) -> None:
        self._send_hints(result.ready)
        dispatch.tell_ended(result.ended)
        if result.waiting:
            admitted = self._admit(result.waiting)
            self._send_hints(admitted)
            dispatch.wake_readers({step.ref.task for step in admitted})

    def _send_hints(self, ready: Sequence[ReadyStep]) -> None:
        """Those with a delay when it is over; if this process is gone by then, the sweep does it."""
        dispatch.send_hints([step for step in ready if not step.delay_s])
        for step in ready:
            if step.delay_s:
                self.loop.call_soon_threadsafe(self._send_later, step)

    def _send_later(self, step: ReadyStep) -> None:
        due = [step._replace(delay_s=0.0)]
        self.loop.call_later(step.delay_s + 0.005, self._beside, dispatch.send_hints, due)

    # --- what is due ---

    def _sweep_later(self) -> None:
        """At once after the start, for what a predecessor left; then every so often, not all processes together."""
        if not self._stopping:
            self._beside(self._sweep)
            self.loop.call_later(self._sweep_s * random.uniform(0.75, 1.25), self._sweep_later)

    def _sweep(self) -> None:
        """As many as it can start itself are its own; of the others other processes are told."""
        try:
            presence.here(slot=self._slot, queues=self._queues, slots=self._slots, running=len(self._running))
            swept = engine.sweep(queues=self._queues, hint_s=self._hint_s, attempts=self._attempts)
        except (OperationalError, InterfaceError) as error:
            log.warning("sweep.database_away", error=type(error).__name__)
            connections["default"].close()
            return
        for refused in swept.refused:
            log.error("sweep.refused", **refused)
        own = self._free()
        self.offer(step.ref for step in swept.ready[:own])
        dispatch.send_hints(swept.ready[own:])
        dispatch.wake_readers(swept.moved)

    def _report_later(self) -> None:
        if not self._stopping:
            self._beside(self._events.flush)
            self.loop.call_later(REPORT_S, self._report_later)

    # --- running ---

    def _arrived(self, result: TurnResult, asked: list[StepRef], answers: Answers) -> None:
        for reply, answer in answers:
            if not reply.done():  # else it was cancelled while it waited
                reply.set_result(answer)
        for step in result.claimed:
            task = self.loop.create_task(self._run(step), name=f"{step.kind} {step.task}:{step.n}")
            self._running[step.attempt] = (step, task)
        changed = {UUID(task) for task, _, _ in result.done | set(result.begun)} | {s.task for s in result.claimed}
        changed |= {ref.task for ref in asked}  # a claim that was not won may have found a freeze, which is told
        self._note(changed, result.ended)

    def _note(self, changed: set[UUID], ended: set[UUID]) -> None:
        """In the loop. What changes within the gap is told together; of an end readers hear by itself."""
        before, self._changed = self._changed, (self._changed | changed) - ended
        if self._changed and not before:
            self.loop.call_later(self._gap_s, self._tell)

    def _tell(self) -> None:
        changed, self._changed = self._changed, set()
        if changed:
            self._beside(dispatch.wake_readers, changed)

    async def _run(self, step: ClaimedStep) -> None:
        structlog.contextvars.bind_contextvars(task=str(step.task), step=step.n, tenant=str(step.tenant))
        beats, began = Beats(step, self._put), time.monotonic()
        self._events.started(step)
        try:
            completion = await self._perform(step, beats)
            if completion:
                await self._complete(completion)
                self._events.ended(completion, ran_s=time.monotonic() - began)
        finally:
            self._running.pop(step.attempt, None)
            self._pump()

    async def _perform(self, step: ClaimedStep, beats: Beats) -> Completion | None:
        try:
            async with asyncio.timeout(step.timeout_s) as scope:
                completion = await self._handlers[step.kind](step, beats)
            self._check_output(completion)
            return replace(completion, settle=beats.settlements, savings=tuple(beats.savings))
        except (asyncio.CancelledError, StepLost):
            # Settles what was held; the step itself, if it is still ours, goes back to be run elsewhere.
            return Completion(step, status="handback", settle=beats.settlements)
        except HartleyError as error:
            return self._failure(step, error, beats)
        except TimeoutError as error:
            if not scope.expired():
                return self._broken(step, error, beats)
            return self._failure(step, StepTimeout(step.timeout_s or 0), beats)
        except Exception as error:
            return self._broken(step, error, beats)

    def _broken(self, step: ClaimedStep, error: Exception, beats: Beats) -> Completion:
        log.exception("step.broken", kind=step.kind)
        body = {"code": "internal", "message": f"Hartley failed at this step ({type(error).__name__})"}
        return Completion(step, status="failed", error=body, settle=beats.settlements)

    def _failure(self, step: ClaimedStep, error: HartleyError, beats: Beats) -> Completion:
        body: JSON = {"code": error.code, "message": str(error)}
        asked_s = getattr(error, "retry_after_s", None)
        if asked_s is not None:
            body["retry_after_s"] = asked_s
        left: dict[str, Any] = {"error": body, "events": beats.untold, "settle": beats.settlements}
        delay = retry_delay_s(
            getattr(error, "kind", ""),
            retries=step.retries,
            tries=step.tries,
            asked_s=asked_s,
            jitter=random.random(),
        )
        log.info("step.failed", kind=step.kind, code=error.code, retry_s=delay)
        if delay is None:
            return Completion(step, status="failed", **left)
        return Completion(step, status="retry", delay_s=delay, **left)

    def _check_output(self, completion: Completion) -> None:
        """
        Raises:
            OutputTooLarge, OutputUnfit: for its row, whoever made it.
        """
        try:
            size = len(json.dumps(completion.output, allow_nan=False, default=engine.plain)) if completion.output else 0
        except (TypeError, ValueError, RecursionError) as error:
            raise OutputUnfit(error) from error
        if size > self._output_bytes:
            raise OutputTooLarge(size, self._output_bytes)

    async def _complete(self, completion: Completion) -> None:
        answer = await self._put(completion)
        if "error" in answer:
            log.error("completion.rejected", error=answer["error"])
            if completion.error != REJECTED:  # refused even so: its lease ends, and another attempt follows
                await self._complete(
                    Completion(completion.step, status="failed", error=REJECTED, settle=completion.settle)
                )
        elif completion.status == "retry" and answer.get("accepted"):
            self.loop.call_later(completion.delay_s + 0.01, self.offer, [completion.step.ref])

    # --- stopping what runs ---

    def cancel_tasks(self, tasks: set[UUID]) -> None:
        self._cancel_attempts({attempt for attempt in list(self._running) if UUID(attempt[0]) in tasks})

    def _cancel_attempts(self, attempts: set[engine.Attempt]) -> None:
        self.loop.call_soon_threadsafe(self._cancel_now, attempts)

    def _cancel_now(self, attempts: set[engine.Attempt]) -> None:
        for attempt in attempts:
            if attempt in self._running:
                self._running[attempt][1].cancel()

    def _renew_later(self) -> None:
        held = [step for step, _ in self._running.values()]
        if held:
            self._writer.put([Entry(Renewal(held))])
        self.loop.call_later(self._lease_s / 3, self._renew_later)
