"""One Redis reader per web process: hears wake-ups and streamed text, and tells those who follow a task or a tenant.

Redis is only speed: who hears nothing looks into Postgres every few seconds anyway.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import structlog
from django.conf import settings
from django.db import close_old_connections
from redis.asyncio import Redis
from redis.exceptions import RedisError

from webapp.common.wakeups import DELTA, ENDED, OUTPUT, WAKE
from webapp.progress.awaited import Awaited
from webapp.progress.followed import FollowedTask, FollowedTenant
from webapp.progress.streamed import Source

log = structlog.get_logger()
T = TypeVar("T")
ENDED_KEPT = 1000  # tasks that ended lately: who has just submitted one may listen too late


class Hub:
    """What somebody in this process follows: each of it is read once, however many follow it."""

    def __init__(self) -> None:
        self._tasks: dict[UUID, FollowedTask] = {}
        self._tenants: dict[UUID, FollowedTenant] = {}
        self._awaited: dict[UUID, set[Awaited]] = {}
        self._ended: dict[UUID, None] = {}  # lately, in their order
        self._reader = asyncio.create_task(self._read(), name="hub")

    def task(self, tenant: UUID, task: UUID) -> FollowedTask:
        if task not in self._tasks:
            self._tasks[task] = FollowedTask(tenant, task, in_thread, lambda: self._tasks.pop(task, None))
        return self._tasks[task]

    def tenant(self, tenant: UUID) -> FollowedTenant:
        if tenant not in self._tenants:
            self._tenants[tenant] = FollowedTenant(tenant, in_thread, lambda: self._tenants.pop(tenant, None))
        return self._tenants[tenant]

    @contextmanager
    def awaiting(self, task: UUID) -> Iterator[Awaited]:
        """Of a task that has just been submitted: it may have ended already."""
        awaited = Awaited()
        if task in self._ended:
            awaited.end()
        self._awaited.setdefault(task, set()).add(awaited)
        try:
            yield awaited
        finally:
            self._awaited[task].discard(awaited)
            if not self._awaited[task]:
                del self._awaited[task]

    async def _read(self) -> None:
        while True:
            try:
                async with (
                    Redis.from_url(settings.REDIS_URL) as redis,
                    redis.pubsub(ignore_subscribe_messages=True) as heard,
                ):
                    await heard.subscribe(WAKE, DELTA, OUTPUT, ENDED)
                    for awaited in self._all_awaited():
                        awaited.end()  # perhaps, while nobody listened
                    async for message in heard.listen():
                        with suppress(ValueError, KeyError, TypeError):  # not ours; what counts is in Postgres
                            self._pass_on(message["channel"].decode(), json.loads(message["data"]))
            except (RedisError, OSError) as error:
                log.warning("hub.redis_away", error=type(error).__name__)
                await asyncio.sleep(1.0)

    def _pass_on(self, channel: str, body: Any) -> None:
        if channel == DELTA:
            for name, agent, text in body:
                task = UUID(name)
                for awaited in self._awaited.get(task, ()):
                    awaited.hear(text)
                self._hear(task, Source(agent), text)
            return
        if channel == OUTPUT:
            for name, agent, step, tool, stream, text in body:
                self._hear(UUID(name), Source(agent, step, tool, stream), text)
            return
        changed = {UUID(task) for task in body}
        if channel == ENDED:
            self._end(changed)
        for task in changed & self._tasks.keys():
            self._tasks[task].wake()
        for tenant in self._tenants.values():
            tenant.wake(changed)

    def _hear(self, task: UUID, source: Source, text: str) -> None:
        if followed := self._tasks.get(task):
            followed.hear(source, text)

    def _end(self, tasks: set[UUID]) -> None:
        for task in tasks:
            self._ended[task] = None
            for awaited in self._awaited.get(task, ()):
                awaited.end()
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]

    def _all_awaited(self) -> list[Awaited]:
        return [awaited for some in self._awaited.values() for awaited in some]


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of this process's event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


async def in_thread(call: Callable[[], T]) -> T:
    """In a shared thread, whose connection goes back to the pool at once: a stream holds none while it waits."""

    def closing() -> T:
        try:
            return call()
        finally:
            close_old_connections()

    return await asyncio.to_thread(closing)
