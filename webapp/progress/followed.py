"""What is followed live: a task's events, a tenant's tasks. Read once per change and process, told to every listener.

A listener keeps only its place. One that is slow, or begins in the past, finds the ring already turned and reads
Postgres by number instead: it gets less streamed text and every event, and costs no memory.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Generic, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError

from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.progress import rules
from webapp.progress.selectors import (
    OVERLAP,
    TaskChange,
    changed_tasks,
    database_now,
    event_body,
    events_after,
    last_events,
)
from webapp.progress.streamed import Source

log = structlog.get_logger()
RING = 512  # events of a task kept for its listeners
RING_CHARS = 4_000_000  # and no more than this of them
BATCH = 200
TEXT_LIMIT_CHARS = 128_000  # streamed and unread; who is slower than that gets the whole text at the end
FEED_EVERY_S = 0.1  # a tenant's changes are told together
LINGER_S = 5  # who lost the connection and comes back finds everything still in memory
InThread = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]
L = TypeVar("L", bound="Listener")


@dataclass(frozen=True)
class Told:
    """One event, made into text once for all that hear it."""

    body: JSON

    @property
    def seq(self) -> int:
        return int(self.body["seq"])

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @cached_property
    def raw(self) -> str:
        return json.dumps(self.body)

    @cached_property
    def frame(self) -> str:
        return rules.frame(self.body)


class Listener:
    """Whether there is something new."""

    def __init__(self) -> None:
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    async def wait(self) -> None:
        """Until there is, or until the reader has looked in vain: every few seconds."""
        await self._news.wait()
        self._news.clear()


class Followed(Generic[L]):
    """The part that all have in common: one reader for as long as somebody listens."""

    def __init__(self, in_thread: InThread, ended: Callable[[], object]) -> None:
        self._in_thread, self._ended = in_thread, ended
        self._listeners: set[L] = set()
        self._news = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    @contextmanager
    def _joined(self, listener: L) -> Iterator[L]:
        self._listeners.add(listener)
        if self._reader is None:
            self._reader = asyncio.create_task(self._run())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                asyncio.get_running_loop().call_later(LINGER_S, self._end_if_alone)

    def _end_if_alone(self) -> None:
        if not self._listeners and self._reader is not None:
            self._reader.cancel()
            self._reader = None
            self._ended()

    async def _run(self) -> None:
        looked_in_vain = False
        while True:
            self._news.clear()
            try:
                changed = await self.refresh()
            except DatabaseError as error:
                log.warning("follow.database_away", error=type(error).__name__)
                changed = False
            if changed or looked_in_vain:
                for listener in self._listeners:
                    listener.wake()
            try:
                async with asyncio.timeout(min(settings.SSE_POLL_S, settings.SSE_PING_S)):
                    await self._news.wait()
                looked_in_vain = False
            except TimeoutError:
                looked_in_vain = True

    async def refresh(self) -> bool:
        """Read what is new; whether there was anything."""
        raise NotImplementedError


class TaskListener(Listener):
    def __init__(self, task: FollowedTask) -> None:
        super().__init__()
        self._task = task
        self._text: dict[Source, str] = {}
        self._room_chars = TEXT_LIMIT_CHARS

    def hear(self, source: Source, delta: str) -> None:
        taken = delta[: self._room_chars]
        if taken:
            self._text[source] = self._text.get(source, "") + taken
            self._room_chars -= len(taken)
        self.wake()

    def take_text(self) -> dict[Source, str]:
        """What was streamed since."""
        taken, self._text, self._room_chars = self._text, {}, TEXT_LIMIT_CHARS
        return taken

    def at_end(self, seq: int) -> bool:
        """The task has ended, and whoever has come to this number has heard it all."""
        return self._task.ended_by(seq)

    async def up_to(self, seq: int, place: int) -> AsyncGenerator[Told, None]:
        """Every event after `place`, until number `seq`, which exists, has been told."""
        while place < seq:
            found = await self.after(place)
            for told in found:
                place = told.seq
                yield told
            if not found:
                await self.wait()

    async def after(self, seq: int) -> list[Told]:
        """The next events by number, at most a batch; from memory when they are there."""
        found = self._task.remembered(seq)
        return await self._task.read_after(seq) if found is None else found


class FollowedTask(Followed[TaskListener]):
    def __init__(self, tenant: UUID, task: UUID, in_thread: InThread, ended: Callable[[], object]) -> None:
        super().__init__(in_thread, ended)
        self._tenant, self._task = tenant, task
        self._ring: deque[Told] | None = None
        self._chars = 0

    @contextmanager
    def listen(self) -> Iterator[TaskListener]:
        with self._joined(TaskListener(self)) as listener:
            yield listener

    def wake(self) -> None:
        self._news.set()

    def hear(self, source: Source, delta: str) -> None:
        for listener in self._listeners:
            listener.hear(source, delta)

    async def refresh(self) -> bool:
        if self._ring is None:
            found = await self._read(partial(last_events, self._tenant, self._task, RING))
            self._remember(found)
            return True
        found = await self._read(partial(events_after, self._tenant, self._task, self._newest, BATCH))
        self._remember(found)
        if len(found) == BATCH:
            self._news.set()
        return bool(found)

    def _remember(self, found: list[Told]) -> None:
        ring = self._ring or deque()
        ring.extend(found)
        self._chars += sum(len(told.raw) for told in found)
        while len(ring) > RING or (self._chars > RING_CHARS and len(ring) > 1):
            self._chars -= len(ring.popleft().raw)
        self._ring = ring

    def remembered(self, seq: int) -> list[Told] | None:
        """From memory; None when they have left it."""
        ring = self._ring
        if ring is None or seq >= self._newest:
            return []
        start = seq + 1 - ring[0].seq  # numbers have no gaps, so a place in the ring is a sum
        if start < 0:
            return None
        return [ring[at] for at in range(start, min(len(ring), start + BATCH))]

    def ended_by(self, seq: int) -> bool:
        last = self._ring[-1] if self._ring else None
        return last is not None and last.type == rules.END and last.seq <= seq

    async def read_after(self, seq: int) -> list[Told]:
        return await self._read(partial(events_after, self._tenant, self._task, seq, BATCH))

    @property
    def _newest(self) -> int:
        return self._ring[-1].seq if self._ring else 0

    async def _read(self, select: Callable[[], Any]) -> list[Told]:
        def scoped() -> list[Told]:
            with tenant_scope(self._tenant):
                return [Told(event_body(event)) for event in select()]

        return list(await self._in_thread(scoped))


class TenantListener(Listener):
    """Hears of tasks that changed: of everyone's, or of one person's, or of one session."""

    def __init__(self, viewer: UUID | None, session: UUID | None) -> None:
        super().__init__()
        self._viewer, self._session = viewer, session
        self.changed: dict[UUID, TaskChange] = {}

    def hear(self, change: TaskChange) -> None:
        """Only the newest state of each task is kept: a slow listener sees fewer steps in between."""
        if self._viewer in (None, change.user) and self._session in (None, change.session):
            self.changed[change.task] = change
            self.wake()

    def take(self) -> list[TaskChange]:
        taken, self.changed = self.changed, {}
        return list(taken.values())


class FollowedTenant(Followed[TenantListener]):
    """
    Of all wake-ups of the process those that are this tenant's: row-level security tells which.

    It begins with what changed in the last seconds, so that nothing falls between a list and its feed.
    """

    def __init__(self, tenant: UUID, in_thread: InThread, ended: Callable[[], object]) -> None:
        super().__init__(in_thread, ended)
        self._tenant = tenant
        self._dirty: set[UUID] = set()
        self._since: datetime | None = None
        self._look_at = 0.0  # when all that changed lately is read, as wake-ups may be lost
        self._told: set[TaskChange] = set()  # lately, as readings overlap

    @contextmanager
    def listen(self, viewer: UUID | None, session: UUID | None = None) -> Iterator[TenantListener]:
        with self._joined(TenantListener(viewer, session)) as listener:
            yield listener

    def wake(self, tasks: set[UUID]) -> None:
        self._dirty |= tasks
        self._news.set()

    async def refresh(self) -> bool:
        """Nothing to wake for: those who care are woken one by one."""
        if self._dirty:
            await asyncio.sleep(FEED_EVERY_S)
        named, self._dirty = self._dirty, set()
        due = time.monotonic() >= self._look_at
        changes = await self._in_thread(partial(self._read, named, due))
        for change in changes:
            for listener in self._listeners if change not in self._told else ():
                listener.hear(change)
        self._told = set(changes) if due else self._told | set(changes)
        return False

    def _read(self, named: set[UUID], due: bool) -> list[TaskChange]:
        with tenant_scope(self._tenant):
            if not due:
                return changed_tasks(self._tenant, named, None)
            now = database_now()
            changes = changed_tasks(self._tenant, named, self._since or now - OVERLAP)
            self._since, self._look_at = now - OVERLAP, time.monotonic() + settings.SSE_POLL_S
            return changes
