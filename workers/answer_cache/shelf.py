"""The answers in Redis, for all processes, and who is asking for one now. Redis may be away or forget at any moment.

Then an answer is not found, and each process asks by itself. Answers are sealed: they are what tenants' models said.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import LockNotOwnedError, RedisError

from webapp.common.encryption import Unsealable, Vault
from webapp.common.values import JSON
from workers.cancelling import obeyed

T = TypeVar("T")
log = structlog.get_logger()
ANSWER, ASKING = "hartley:answer:{}:{}", "hartley:asking:{}:{}"  # tenant, key
REPLY_S = 1.0  # for Redis to answer; a busy event loop is late by some of this
AWAY_S = 1.0  # how long it is left alone after none
LEASE_S = 5.0  # of who asks; renewed as long as they do


class Keepable(Protocol):
    """What may be kept: an answer of a model, or a tool's result. `answered_at` has its time zone."""

    @property
    def answered_at(self) -> datetime: ...
    def to_json(self) -> JSON: ...


K = TypeVar("K", bound=Keepable)


@dataclass(frozen=True)
class Place:
    """Where an answer is kept; for `key` see key.py."""

    tenant: UUID
    key: str

    @property
    def owner(self) -> tuple[str, str]:
        return str(self.tenant), self.key


class Lease:
    """The right to ask for all others. Inside `with` it is renewed; without a lock it is this process' alone."""

    def __init__(self, lock: Lock | None = None) -> None:
        self._lock = lock
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        if self._lock is not None:
            self._renewing = asyncio.create_task(self._renew(self._lock), name="answers.lease")

    async def __aexit__(self, *_error: object) -> None:
        if self._lock is None or self._renewing is None:
            return
        self._renewing.cancel()
        try:
            await self._lock.release()
        except (RedisError, OSError, TimeoutError):
            pass  # it ends by itself

    async def _renew(self, lock: Lock) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                await lock.reacquire()
            except LockNotOwnedError:
                return
            except (RedisError, OSError, TimeoutError):
                continue


class Shelf(Generic[K]):
    """
    Made in the event loop that uses it.

    Args:
        read: what was kept, from its JSON; None when it has another form.
    """

    def __init__(self, redis: Redis, vault: Vault, read: Callable[[Any], K | None]) -> None:
        self._redis, self._vault, self.read = redis, vault, read
        self._away_until = 0.0
        self._lost = False

    @classmethod
    def to(cls, url: str, *, connections: int, vault: Vault, read: Callable[[Any], K | None]) -> Shelf[K]:
        waits: dict[str, Any] = {"socket_timeout": REPLY_S, "socket_connect_timeout": REPLY_S}
        once = Retry(NoBackoff(), 0)
        return cls(Redis.from_url(url, max_connections=connections, retry=once, **waits), vault, read)

    async def find(self, place: Place) -> K | None:
        sealed = await self._tried(self._redis.get(ANSWER.format(*place.owner)), None)
        if not isinstance(sealed, bytes):
            return None
        try:
            return self.read(json.loads(self._vault.open(sealed, owner=place.owner)))
        except Unsealable:
            return None  # sealed with a key that is not in use any more

    async def keep(self, place: Place, cached: K, left_s: float) -> None:
        sealed = self._vault.seal(json.dumps(cached.to_json()), owner=place.owner)
        await self._tried(self._redis.set(ANSWER.format(*place.owner), sealed, px=max(1, int(left_s * 1000))), None)

    async def lead(self, place: Place) -> Lease | None:
        """The right to ask; None: somebody has it. While Redis is away everybody has."""
        lock = Lock(self._redis, ASKING.format(*place.owner), timeout=LEASE_S, thread_local=False)
        won = await self._tried(lock.acquire(blocking=False), None)
        if won is None:
            return Lease()
        return Lease(lock) if won else None

    async def close(self) -> None:
        await self._redis.aclose()

    async def _tried(self, call: Awaitable[T], otherwise: T) -> T:
        if monotonic() < self._away_until:
            if asyncio.iscoroutine(call):
                call.close()
            return otherwise
        try:
            with obeyed():
                answer = await call
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = monotonic() + AWAY_S
            self._change(lost=True, error=type(error).__name__)
            return otherwise
        self._change(lost=False)
        return answer

    def _change(self, *, lost: bool, **fields: str) -> None:
        if lost != self._lost:
            self._lost = lost
            log.warning("answers.local" if lost else "answers.shared", **fields)
