"""Calls the engine's functions in the database. The one module that runs their SQL; each call is one transaction.

Call from an autocommit connection, never inside `atomic()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from django.db import connections
from psycopg import Cursor

from webapp.common.values import JSON, storable
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, ReadyStep, StepRef

Attempt = tuple[str, int, int]  # task, n, fence
SWEPT_AT_ONCE = 2000


@dataclass
class TurnResult:
    """What a turn decided. A claim that is missing was lost; `begun` has the engine's answer per attempt."""

    done: set[Attempt] = field(default_factory=set)
    stale: set[Attempt] = field(default_factory=set)
    begun: dict[Attempt, JSON] = field(default_factory=dict)
    claimed: list[ClaimedStep] = field(default_factory=list)
    ready: list[ReadyStep] = field(default_factory=list)
    ended: set[UUID] = field(default_factory=set)
    waiting: set[UUID] = field(default_factory=set)  # tenants with queued tasks, of which a task has ended


def turn(
    *,
    worker: str,
    queues: Sequence[str],
    take: int,
    lease_s: float,
    hint_s: float,
    completions: Iterable[Completion] = (),
    begins: Iterable[Begin] = (),
    claims: Iterable[StepRef] = (),
) -> TurnResult:
    """
    Commit everything a worker process has to say, in one transaction.

    Args:
        take: how many of the released steps of `queues` to claim at once, without a message.
    """
    completions = list(completions)
    rows = _pairs(
        "SELECT what, body FROM engine_turn(%s, %s, %s, %s, %s, %s::jsonb, %s::jsonb, %s::jsonb)",
        worker,
        list(queues),
        take,
        lease_s,
        hint_s,
        wire([c.to_json() for c in completions]),
        wire([b.to_json() for b in begins]),
        wire([{"task": ref.task, "n": ref.n} for ref in claims]),
    )
    result = TurnResult()
    for what, body in rows:
        match what:
            case "done":
                result.done.add(_attempt(body))
            case "begun":
                result.begun[_attempt(body)] = body
            case "claimed":
                result.claimed.append(ClaimedStep.of(body))
            case "ready":
                result.ready.append(ReadyStep.of(body))
            case "ended":
                result.ended.add(UUID(body["task"]))
                if body["next"]:
                    result.waiting.add(UUID(body["tenant"]))
    result.stale = {c.step.attempt for c in completions} - result.done
    return result


def renew(*, steps: Iterable[ClaimedStep], lease_s: float) -> set[Attempt]:
    """Extend all leases of this process; returns the attempts that are no longer its own."""
    refs = [{"task": s.task, "n": s.n, "fence": s.fence} for s in steps]
    lost = _call("SELECT body FROM engine_renew(%s::jsonb, %s)", wire(refs), lease_s)
    return {_attempt(json.loads(body)) for (body,) in lost}


def take_over(*, slot: str, worker: str) -> int:
    """Free what a dead predecessor in this worker slot held; returns how many steps."""
    return int(_call("SELECT engine_takeover(%s, %s)", slot, worker)[0][0])


@dataclass(frozen=True)
class Swept:
    """
    Attributes:
        moved: tasks of which something has changed; `ended`: those of them that are past their deadline.
        waiting: tenants with queued tasks.
        refused: steps whose rows the database would not let it change, with the reason.
    """

    ready: list[ReadyStep] = field(default_factory=list)
    moved: set[UUID] = field(default_factory=set)
    ended: set[UUID] = field(default_factory=set)
    waiting: set[UUID] = field(default_factory=set)
    refused: list[JSON] = field(default_factory=list)


def sweep(
    *, queues: Sequence[str], hint_s: float, attempts: int, late_s: float = 0.0, limit: int = SWEPT_AT_ONCE
) -> Swept:
    """Find the steps of these queues that are due, for longer than `late_s`: lost hints, timers, ended leases."""
    return _swept("engine_sweep(%s, %s, %s, %s, %s)", list(queues), late_s, hint_s, attempts, limit)


def sweep_tasks(*, lease_s: float, limit: int = SWEPT_AT_ONCE) -> Swept:
    """Find deadlines that have passed, holds that nobody stands behind, tenants with queued tasks."""
    return _swept("engine_sweep_tasks(%s, %s)", lease_s, limit)


def _swept(call: str, *args: Any) -> Swept:
    swept = Swept()
    for what, body in _pairs(f"SELECT what, body FROM {call}", *args):
        match what:
            case "ready":
                swept.ready.append(ReadyStep.of(body))
                swept.moved.add(swept.ready[-1].ref.task)
            case "moved":
                swept.moved.add(UUID(body))
            case "ended":
                swept.moved.add(UUID(body))
                swept.ended.add(UUID(body))
            case "waiting":
                swept.waiting.add(UUID(body))
            case "refused":
                swept.refused.append(body)
    return swept


def admit(*, tenants: Iterable[UUID], tenant_limit: int, user_limit: int, hint_s: float) -> list[ReadyStep]:
    """Let queued tasks of these tenants run, as far as there is room; returns the steps that may start."""
    rows = _call("SELECT body FROM engine_admit_all(%s, %s, %s, %s)", list(tenants), tenant_limit, user_limit, hint_s)
    return [ReadyStep.of(json.loads(body)) for (body,) in rows]


def wire(value: Any) -> str:
    """
    JSON that Postgres takes: no NUL and no lone surrogate, which models and tools do produce. NaN and infinities are not JSON:
    they become null, or Postgres refuses them.
    """
    with suppress(TypeError):  # lone surrogates, and what Postgres does take: long integers, deep lists
        text = orjson.dumps(value, default=plain).decode()
        if "\\u0000" not in text:
            return text
    text = json.dumps(value, default=plain)
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(storable(json.loads(text)))
    return text


def plain(value: Any) -> str:
    """Of what JSON has no form for: ids and amounts."""
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _call(sql: str, *args: Any) -> list[tuple[Any, ...]]:
    """
    Prepared, with parameters that Postgres binds: written into the text, as Django does it, a batch would be parsed twice.

    Nothing else of the connection's is prepared: it would remember the text of each of Django's statements, values included.
    """
    connection = connections["default"]
    connection.ensure_connection()
    below = connection.connection  # psycopg's
    with connection.wrap_database_errors, Cursor(below) as cursor:
        below.prepare_threshold = 0
        try:
            return cursor.execute(sql, args).fetchall()
        finally:
            below.prepare_threshold = None


def _pairs(sql: str, *args: Any) -> list[tuple[str, Any]]:
    """Rows of (what, body); Django hands jsonb over as text."""
    return [(what, json.loads(body)) for what, body in _call(sql, *args)]


def _attempt(body: JSON) -> Attempt:
    return (body["task"], body["n"], body["fence"])
