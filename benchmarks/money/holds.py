"""
Many workers hold and settle at five levels at once, and some are killed meanwhile: is every limit kept, every hold closed,
every balance its ledger's? And does a tenant at its limit slow another?

    python -m benchmarks.money.holds [--holds 100000] [--workers 64] [--kills 48]

Starts its own Postgres (with fsync) and Valkey. Exits 1 when anything is over, open or different.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
from redis import Redis

from benchmarks.engine.started import started
from tests.support.services import Services

AGENTS, PER_AGENT, CALLS, BATCH = 5, 5, 4, 4
WITHIN_S = 900.0
# What each budget had booked after each hold and each settlement, from the ledger alone: the highest, beside its limit.
HIGHEST = """
WITH moves AS (
  SELECT x AS envelope, created_at AS at, held_tokens AS tokens FROM budgets_hold, unnest(envelopes) AS x
  UNION ALL SELECT x, closed_at, prompt_tokens + completion_tokens - held_tokens FROM budgets_hold, unnest(envelopes) AS x
), booked AS (SELECT envelope, sum(tokens) OVER (PARTITION BY envelope ORDER BY at ROWS UNBOUNDED PRECEDING) AS tokens FROM moves
), highest AS (SELECT envelope, max(tokens) AS tokens FROM booked GROUP BY envelope)
SELECT level, count(*), count(*) FILTER (WHERE tokens > tokens_limit), coalesce(max(tokens::float8 / nullif(tokens_limit, 0)), 0)
FROM highest JOIN budgets_envelope e ON e.id = envelope GROUP BY level ORDER BY array_position('{tenant,user,session,task,agent}', level::text)
"""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--holds", type=int, default=100_000, help="at least so many (default: 100,000)")
    given.add_argument("--workers", type=int, default=64, help="processes at once (default: 64)")
    given.add_argument("--kills", type=int, default=48, help="of them by kill -9, at a quarter, half, three quarters")
    given.add_argument("--seconds", type=float, default=8, help="per row about neighbours (default: 8)")
    options = given.parse_args()
    roomy = {"HARTLEY_TASKS_PER_USER": "100000", "HARTLEY_TASKS_PER_TENANT": "100000"}
    with started(**roomy, HARTLEY_TASK_TOKENS="1000000000", HARTLEY_TASK_USD="1000") as services:
        sound = Run(services, options).measure()
        neighbours(services, options)
    sys.exit(0 if sound else 1)


class Run:
    def __init__(self, services: Services, options: argparse.Namespace) -> None:
        self.services, self.options = services, options
        self.redis_url = services.env["REDIS_URL"]
        self.redis: Any = Redis.from_url(self.redis_url)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["benchmarks.money.booker"])
        self.workers: dict[int, Any] = {}
        self.killed = 0
        self.samples = self.violations = 0

    def measure(self) -> bool:
        from benchmarks.money.setting import tenants, with_limits

        holds = self.options.holds
        tasks = -(-holds * 2 // (AGENTS * PER_AGENT * CALLS))
        people, refs = tenants(8, tasks, agents=AGENTS, each=PER_AGENT)
        with_limits(people, holds)
        random.Random(7).shuffle(refs)
        self._offer(refs)
        began = time.monotonic()
        for number in range(self.options.workers):
            self._start(number)
        self._watch(holds)
        took = time.monotonic() - began
        self._stop()
        return self._report([person.principal.tenant_id for person in people], took)

    def _start(self, number: int) -> None:
        from benchmarks.money.booker import work

        process = self.context.Process(target=work, args=(self.redis_url, number, CALLS), daemon=True)
        process.start()
        self.workers[number] = process

    def _offer(self, refs: Sequence[tuple[str, int]]) -> None:
        from benchmarks.money.booker import WORK

        for first in range(0, len(refs), BATCH):
            self.redis.rpush(WORK, json.dumps(refs[first : first + BATCH]))

    def _watch(self, holds: int) -> None:
        """Sweeps as beat does, samples all limits, and kills on the way."""
        from benchmarks.money.booker import HELD, HINT_S, LEASE_S
        from webapp.budgets.verify import AMOUNTS, booked
        from webapp.orchestration import engine

        beyond = " OR ".join(f"{unit}_limit < {booked(unit)}" for unit in AMOUNTS)
        due = [holds // 4, holds // 2, holds * 3 // 4]
        deadline = time.monotonic() + WITHIN_S
        with psycopg.connect(self.services.env["HARTLEY_DB_OWNER_URL"], autocommit=True) as rows:
            while time.monotonic() < deadline:
                self.samples += 1
                self.violations += rows.execute(f"SELECT count(*) FROM budgets_envelope WHERE {beyond}").fetchone()[0]  # type: ignore[index]
                if due and int(self.redis.get(HELD) or 0) >= due[0]:
                    due.pop(0)
                    self._kill(self.options.kills // 3)
                swept = engine.sweep(queues=["llm"], hint_s=HINT_S, attempts=50)
                engine.sweep_tasks(lease_s=LEASE_S)
                self._offer([(str(step.ref.task), step.ref.n) for step in swept.ready])
                open_ = rows.execute("""SELECT (SELECT count(*) FROM budgets_hold WHERE state = 'open')
                  + (SELECT count(*) FROM agent_tasks_task WHERE finished_at IS NULL)""").fetchone()
                if open_ == (0,):
                    return
                time.sleep(0.5)
        raise SystemExit(f"not through within {WITHIN_S:g} s")

    def _kill(self, count: int) -> None:
        for number in random.sample(sorted(self.workers), count):
            os.kill(self.workers[number].pid, signal.SIGKILL)
            self.workers[number].join()
            self.killed += 1
            self._start(number)

    def _stop(self) -> None:
        from benchmarks.money.booker import STOP

        self.redis.set(STOP, 1)
        for process in self.workers.values():
            process.join(10)

    def _report(self, tenants: Sequence[UUID], took: float) -> bool:
        from benchmarks.money.booker import REFUSED, TOOK
        from webapp.budgets.verify import verify

        results = [verify(tenant) for tenant in tenants]
        wrong = sum(len(result.differences) for result in results)
        leaked = sum(result.open for result in results)
        over = self.violations + sum(len(result.over) for result in results)
        with psycopg.connect(self.services.env["HARTLEY_DB_OWNER_URL"]) as rows:
            states = dict(
                rows.execute("SELECT state, count(*) FROM budgets_hold WHERE call > 0 GROUP BY state").fetchall()
            )
            (lost,) = rows.execute("SELECT count(*) FROM budgets_hold WHERE error = 'step.worker_lost'").fetchone()  # type: ignore[misc]
            highest = rows.execute(HIGHEST).fetchall()
        made = sum(states.values())
        waits = sorted(float(text) for text in self.redis.lrange(TOOK, 0, -1))
        print(
            f"{made:,} holds by {self.options.workers} workers, {BATCH} steps each at once, in {took:.1f} s: {made / took:,.0f} holds/s"
        )
        print(
            f"  {states.get('settled', 0):,} settled, {states.get('released', 0):,} released, {int(self.redis.get(REFUSED) or 0):,} refused"
        )
        print(f"  a turn of {BATCH} holds: p50 {at(waits, 0.5):.1f} ms, p95 {at(waits, 0.95):.1f} ms")
        print(f"  {self.killed} workers killed; {lost} holds of theirs settled at their worst case")
        print(f"  over a limit: {over} ({self.samples} looks at all budgets meanwhile); by the ledger, hold by hold:")
        for level, count, beyond, share in highest:
            over += beyond
            print(f"    {level:8}{count:6} budgets, {beyond} ever beyond; the fullest was {share:.1%} booked")
        print(f"  open holds left: {leaked}; balances that differ from the ledger: {wrong}", flush=True)
        return not (over or leaked or wrong)


def neighbours(services: Services, options: argparse.Namespace) -> None:
    """Half of the workers for each of two tenants. Beside one that is refused each time, a call takes no longer."""
    from benchmarks.money.booker import neighbour
    from benchmarks.money.setting import limit_tenant, tenants

    redis: Any = Redis.from_url(services.env["REDIS_URL"])
    context, each = multiprocessing.get_context("forkserver"), options.workers // 2
    print(f"\n{'a turn of one hold, ' + str(each) + ' workers':44}{'p50 ms':>8}{'p95 ms':>8}{'calls/s':>9}")
    for name in ("alone", "beside a tenant that has room", "beside a tenant at its limit"):
        (mine, other), refs = tenants(2, 2 * each, agents=1, each=1)
        if name.endswith("limit"):
            limit_tenant(other, 0)
        of = {str(mine.principal.tenant_id): "mine", str(other.principal.tenant_id): "other"}
        redis.delete("mine", "other")
        chosen = [(of[owner], ref) for owner, ref in owners(services, refs) if name != "alone" or of[owner] == "mine"]
        processes = [
            context.Process(
                target=neighbour, args=(services.env["REDIS_URL"], list_, ref, options.seconds), daemon=True
            )
            for list_, ref in chosen
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(options.seconds + 60)
        took = sorted(float(text) for text in redis.lrange("mine", 0, -1))
        print(f"{name:44}{at(took, 0.5):>8.1f}{at(took, 0.95):>8.1f}{len(took) / options.seconds:>9.0f}", flush=True)


def owners(services: Services, refs: Sequence[tuple[str, int]]) -> list[tuple[str, tuple[str, int]]]:
    with psycopg.connect(services.env["HARTLEY_DB_OWNER_URL"]) as rows:
        found = dict(rows.execute("SELECT id::text, tenant_id::text FROM agent_tasks_task").fetchall())
    return [(found[task], (task, n)) for task, n in refs]


def at(values: Sequence[float], share: float) -> float:
    """In milliseconds."""
    return 1000 * values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


if __name__ == "__main__":
    main()
