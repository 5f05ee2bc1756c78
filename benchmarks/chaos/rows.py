"""Reads all tenants' rows as the system role; each question has a connection of its own, since Postgres may restart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg

from benchmarks.chaos.invariants import Envelope, Event, Evidence, Hold, Step, Task

PATIENCE_S = 40.0

TASKS = """SELECT id::text, state, seq, steps, open, prompt_tokens + completion_tokens, cost_usd, query,
  error->>'code' FROM agent_tasks_task"""
STEPS = "SELECT task_id::text, n, kind, state, fence, parents, error::text FROM agent_tasks_step"
EVENTS = """SELECT task_id::text, seq, type, (payload->>'step')::int, (payload->>'attempt')::int,
  extract(epoch FROM created_at)::float8 FROM progress_event"""
HOLDS = """SELECT task_id::text, step, fence, state, prompt_tokens + completion_tokens, usd, worst_case, provider, envelopes::text[]
  FROM budgets_hold"""
ENVELOPES = "SELECT id::text, level, tokens_spent, tokens_held, usd_spent, usd_held FROM budgets_envelope"


class Rows:
    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """
        Raises:
            psycopg.OperationalError: Postgres stays away.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    return connection.execute(sql, args).fetchall()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def running_on(self, worker: str) -> list[tuple[str, int, int]]:
        found: Sequence[Any] = self.ask(
            "SELECT task_id::text, n, fence FROM agent_tasks_step WHERE state = 'running' AND starts_with(worker, %s)",
            f"{worker}@",
        )
        return list(found)

    def tasks_open(self) -> int:
        return int(self.ask("SELECT count(*) FROM agent_tasks_task WHERE finished_at IS NULL")[0][0])

    def open(self) -> tuple[int, int, int]:
        """Open tasks, open holds, and the number of all events, which tells whether anything moves."""
        (found,) = self.ask("""SELECT (SELECT count(*) FROM agent_tasks_task WHERE finished_at IS NULL),
          (SELECT count(*) FROM budgets_hold WHERE state = 'open'), (SELECT sum(seq) FROM agent_tasks_task)""")
        return int(found[0]), int(found[1]), int(found[2] or 0)

    def evidence(self) -> Evidence:
        return Evidence(
            tasks=[Task(*row) for row in self.ask(TASKS)],
            steps=[Step(*row) for row in self.ask(STEPS)],
            events=[Event(*row) for row in self.ask(EVENTS)],
            holds=[Hold(*row) for row in self.ask(HOLDS)],
            envelopes=[Envelope(*row) for row in self.ask(ENVELOPES)],
        )
