"""
How long a tenant's one task waits for its start while another tenant has thousands queued.

    python -m benchmarks.engine.fairness [--queued 2000] [--times 20]

One worker with its default slots and the default limits of admission; every task is a fan of five steps of 200 ms.
"""

from __future__ import annotations

import argparse
import os
import time
from uuid import UUID

from benchmarks.engine.started import started
from tests.support.services import Services

PAUSE_S = 0.5
WITHIN_S = 60.0


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--queued", type=int, default=2000, help="tasks of the busy tenant (default: 2000)")
    given.add_argument("--times", type=int, default=20, help="how often the other one submits (default: 20)")
    options = given.parse_args()
    defaults = {"HARTLEY_TASKS_PER_USER": "10", "HARTLEY_TASKS_PER_TENANT": "100"}
    with started(**defaults, HARTLEY_TASK_TOKENS="1000000000") as services:
        measure(services, options.queued, options.times)


def measure(services: Services, queued: int, times: int) -> None:
    from benchmarks.engine.__main__ import owner
    from benchmarks.engine.hartley import Driver, worker
    from benchmarks.engine.shapes import FAN

    busy, other = Driver(owner()), Driver(owner())
    print(f"{'':34}{'p50 s':>8}{'p95 s':>8}{'max s':>8}")
    with worker(services, dict(os.environ)):
        started_after(other, 3)
        for name in ("alone", f"with {queued:,} tasks of another"):
            if name != "alone":
                for _ in range(queued):
                    busy.submit(FAN, "control.sleep", 0.2)
            took = sorted(started_after(other, times))
            print(
                f"{name:34}{took[len(took) // 2]:>8.3f}{took[int(len(took) * 0.95)]:>8.3f}{took[-1]:>8.3f}", flush=True
            )
        print(f"still queued then: {still_queued(busy)}")


def started_after(driver: object, times: int) -> list[float]:
    """Seconds from each submit to the start of the task's first step, by the database's clock."""
    from benchmarks.engine.shapes import FAN

    took = []
    for _ in range(times):
        took.append(start_of(driver, driver.submit(FAN, "control.sleep", 0.2)))  # type: ignore[attr-defined]
        time.sleep(PAUSE_S)
    return took


def start_of(driver: object, task: UUID) -> float:
    from webapp.agent_tasks.models import Step
    from webapp.common.tenancy import tenant_scope

    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        with tenant_scope(driver.person.principal.tenant_id):  # type: ignore[attr-defined]
            first = Step.objects.select_related("task").get(task_id=task, n=1)
            if first.started_at:
                return (first.started_at - first.task.created_at).total_seconds()
        time.sleep(0.05)
    raise SystemExit(f"not started within {WITHIN_S:g} s")


def still_queued(driver: object) -> int:
    from webapp.agent_tasks.models import Task
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(driver.person.principal.tenant_id):  # type: ignore[attr-defined]
        return Task.objects.filter(state="queued").count()


if __name__ == "__main__":
    main()
