"""
How often is a quote right? Half of the tasks run; each of the other half is quoted as it is submitted, from what has
ended until then, and never from itself.

    python -m benchmarks.quotes [--tasks 240] [--seeds 1,2,3] [--at-once 16]

The real engine and workers; a scripted server answers with lengths and after delays that are drawn for each task, agents
of some use a tool, planners make plans of different sizes. A tenant of its own for each seed. Printed of cost and time:
the share of tasks below the quote's P50 (40 to 60 % is right) and its P95 (at least 95 %), and P95 over P50 (3 at most, in the
median of all quotes; the widest is printed too).
Ends with 1 where a figure over all seeds is outside.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from random import Random
from statistics import mean, median
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.engine.__main__ import owner
from benchmarks.engine.started import started
from benchmarks.gateway.running import llm_worker
from benchmarks.quotes.work import Job, jobs
from deploy.embedded import programs
from tests.support.farm import eventually
from tests.support.model_server import ModelServer

if TYPE_CHECKING:
    from tests.support.cast import Person
    from webapp.orchestration.quoting import Quote

WITHIN_S = 300.0
WHAT = ("cost", "time")


@dataclass(frozen=True)
class Seen:
    """A quote and what the task then took, of one of WHAT."""

    kind: str
    p50: float
    p95: float
    actual: float


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--tasks", type=int, default=240, help="of each seed (default: 240)")
    given.add_argument("--seeds", default="1,2,3", help="(default: 1,2,3)")
    given.add_argument("--at-once", type=int, default=16, help="tasks that run side by side (default: 16)")
    options = given.parse_args()
    server = ModelServer()
    settings = {
        "OPENAI_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": server.base_url,
        "CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE": "100000000",
        "HARTLEY_TASKS_PER_USER": "100000",
        "HARTLEY_TASKS_PER_TENANT": "100000",
    }
    try:
        with started(**settings), workers():
            warm_up(server)
            found = [one(server, int(seed), options.tasks, options.at_once) for seed in options.seeds.split(",")]
            sys.exit(0 if told("all seeds", merged(found)) else 1)
    finally:
        server.stop()


@contextmanager
def workers() -> Iterator[None]:
    """And a catalogue that they have told."""
    from webapp.catalogue.prices import forget, token_price

    def priced() -> bool:
        forget()
        return token_price(tier="small", model=None, provider="openai") is not None

    with ExitStack() as stack:
        for queues, slot in programs.WORKERS.values():
            stack.enter_context(llm_worker(slot, queues))
        eventually(priced, within_s=60, every_s=0.2)
        yield


def warm_up(server: ModelServer) -> None:
    """Connections, imports, the sandbox: the first tasks of a new worker take longer, and tell nothing of the later ones."""
    run(server, owner(), jobs(30, Random(0)), 10)


def one(server: ModelServer, seed: int, tasks: int, at_once: int) -> dict[str, list[Seen]]:
    person = owner()
    asked = jobs(tasks, Random(seed))
    half = len(asked) // 2
    run(server, person, asked[:half], at_once)
    quotes: list[Quote] = []
    took = run(server, person, asked[half:], at_once, quotes)
    found: dict[str, list[Seen]] = {what: [] for what in WHAT}
    for job, quoted, (usd, duration_s) in zip(asked[half:], quotes, took, strict=True):
        found["cost"].append(Seen(job.kind, quoted.cost_usd.p50, quoted.cost_usd.p95, usd))
        found["time"].append(Seen(job.kind, quoted.duration_s.p50, quoted.duration_s.p95, duration_s))
    told(f"seed {seed}", found)
    return found


def run(
    server: ModelServer, person: Person, asked: Sequence[Job], at_once: int, quotes: list[Quote] | None = None
) -> list[tuple[float, float]]:
    """
    All of them to their ends; what each took, in USD and seconds, and into `quotes` what each was to take. The server knows these only: it looks through its rules
    in order, so with all of them the later ones would be answered later.
    """
    server.reset()
    server.script([rule for job in asked for rule in job.rules()])
    names: list[UUID] = []
    began = time.monotonic()
    while len(names) < len(asked) or open_tasks(person):
        room = at_once - open_tasks(person)
        for job in asked[len(names) : len(names) + max(0, room)]:
            if quotes is not None:
                quotes.append(job.quote(person.principal.tenant_id))
            names.append(job.submit(person))
        if time.monotonic() - began > WITHIN_S:
            raise SystemExit(f"{open_tasks(person)} tasks have not ended within {WITHIN_S:g} s")
        time.sleep(0.05)
    return taken(person, names)


def open_tasks(person: Person) -> int:
    from webapp.agent_tasks.models import Task
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(person.principal.tenant_id):
        return Task.objects.filter(finished_at=None).count()


def taken(person: Person, names: Sequence[UUID]) -> list[tuple[float, float]]:
    from webapp.agent_tasks.models import Task
    from webapp.api.presenters import duration_s
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(person.principal.tenant_id):
        rows = Task.objects.in_bulk(names)
    if failed := [row.error for row in rows.values() if row.state != "completed"]:
        raise SystemExit(f"{len(failed)} tasks have failed, e.g. {failed[0]}")
    return [(float(rows[name].cost_usd), duration_s(rows[name]) or 0.0) for name in names]


def merged(found: Sequence[dict[str, list[Seen]]]) -> dict[str, list[Seen]]:
    return {what: [seen for one in found for seen in one[what]] for what in WHAT}


def told(name: str, found: dict[str, list[Seen]]) -> bool:
    """Prints the table; whether the lines over all kinds are right."""
    print(f"\n{name:22}{'tasks':>6}" + "".join(f"{f'{w} <P50':>11}{'<P95':>7}{'P95/P50':>9}{'worst':>7}" for w in WHAT))
    kinds = sorted({seen.kind for seen in found["cost"]})
    for kind in kinds:
        _line(kind, {what: [s for s in found[what] if s.kind == kind] for what in WHAT})
    return _line("together", found)


def _line(name: str, found: dict[str, list[Seen]]) -> bool:
    line, right = f"{name:22}{len(found['cost']):>6}", True
    for what in WHAT:
        below = mean(seen.actual <= seen.p50 for seen in found[what])
        covered = mean(seen.actual <= seen.p95 for seen in found[what])
        wide = [seen.p95 / seen.p50 for seen in found[what]]
        line += f"{below:>11.1%}{covered:>7.1%}{median(wide):>9.2f}{max(wide):>7.2f}"
        right = right and 0.4 <= below <= 0.6 and covered >= 0.95 and median(wide) <= 3
    print(line, flush=True)
    return right


if __name__ == "__main__":
    main()
