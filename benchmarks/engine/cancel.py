"""
From the request to cancel a task until the last side effect of its steps, with Redis and without.

    python -m benchmarks.engine.cancel [--tasks 200] [--steps 2]

All tasks run at once in one worker; each step leaves a mark in a file every 50 ms, which is the witness. They are
cancelled one after the other, at random moments. For the second row Redis is killed while they run, so that no wake-up
reaches the worker: it hears of the end when it renews its leases, a third of HARTLEY_LEASE_S (15 s) later at most.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from benchmarks.engine.__main__ import owner
from benchmarks.engine.started import started
from tests.support.marker import marks
from tests.support.services import Services

BETWEEN_S = 0.1  # two cancels, on the average
WITHIN_S = 60.0


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--tasks", type=int, default=200, help="to cancel, in each row (default: 200)")
    given.add_argument("--steps", type=int, default=2, help="of each task, side by side (default: 2)")
    options = given.parse_args()
    unlimited = {"HARTLEY_TASKS_PER_USER": "100000", "HARTLEY_TASKS_PER_TENANT": "100000", "HARTLEY_TOOL_SLOTS": "5000"}
    with started(**unlimited) as services:
        os.environ["HARTLEY_TICK_LOG"] = str(services.home.path("ticks"))
        measure(services, options.tasks, options.steps)


def measure(services: Services, tasks: int, steps: int) -> None:
    from benchmarks.engine.hartley import Driver, worker

    driver = Driver(owner())
    print(f"{'':16}{'cancels':>8}{'p50 s':>8}{'p99 s':>8}{'max s':>8}   the engine's own figure: p50 s, p99 s")
    with worker(services, dict(os.environ)):
        for name, before in (("with Redis", lambda: None), ("without Redis", lambda: kill_redis(services))):
            print(row(name, driver, tasks, steps, before), flush=True)


def kill_redis(services: Services) -> None:
    _, redis = services.processes
    redis.kill()
    redis.wait()


def row(name: str, driver: object, tasks: int, steps: int, before: Callable[[], None]) -> str:
    from webapp.agent_tasks.models import Task
    from webapp.agent_tasks.selectors import last_effect
    from webapp.common.tenancy import tenant_scope
    from webapp.orchestration.control import cancel_task

    log, who = Path(os.environ["HARTLEY_TICK_LOG"]), driver.person.principal  # type: ignore[attr-defined]
    running = [driver.submit([()] * steps, "control.tick") for _ in range(tasks)]  # type: ignore[attr-defined]
    wait(lambda: {str(task) for task in running} <= {mark["task_id"] for mark in marks(log)})
    before()
    asked: dict[UUID, float] = {}
    for task in random.sample(running, len(running)):
        time.sleep(random.expovariate(1 / BETWEEN_S))
        asked[task] = time.time()
        cancel_task(principal=who, task=task, reason="bench")

    def effects() -> list[float] | None:
        with tenant_scope(who.tenant_id):
            found = [last_effect(who.tenant_id, Task.objects.get(id=task)) for task in running]
        done = all(effect and not effect.still_stopping for effect in found)
        return [effect.after_s for effect in found if effect] if done else None

    own = wait(effects)
    last: dict[str, float] = {}
    for mark in marks(log):
        last[mark["task_id"]] = max(mark["at"], last.get(mark["task_id"], 0.0))
    took = sorted(max(0.0, last[str(task)] - at) for task, at in asked.items())
    return (
        f"{name:16}{len(took):>8}{at(took, 0.5):>8.3f}{at(took, 0.99):>8.3f}{took[-1]:>8.3f}"
        f"   {at(sorted(own), 0.5):.3f}, {at(sorted(own), 0.99):.3f}"
    )


def wait(check: Callable[[], object]) -> list[float]:
    deadline = time.monotonic() + WITHIN_S
    while not (found := check()):
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {WITHIN_S:g} s")
        time.sleep(0.2)
    return found  # type: ignore[return-value]


def at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


if __name__ == "__main__":
    main()
