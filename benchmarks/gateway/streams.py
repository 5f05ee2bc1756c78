"""
Many streaming model calls at once in one `llm` worker: memory, time, CPU per call.

    python -m benchmarks.gateway.streams [--calls 100 1000 5000 10000] [--seconds 20] [--chunks 20]

Each call is a completion in a task of its own, through Celery and the engine: claimed, decided, held, streamed,
settled, recorded and told. The scripted server holds every stream until all are open, then streams for so many seconds.
Rows in Postgres (fsync on), one worker process; the scripted server, Postgres and Valkey share the machine's cores.
Ends with 1 when a call is lost, fails or is paid for twice.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from benchmarks.engine.__main__ import owner
from benchmarks.engine.figures import cpu_s, rss_mb
from benchmarks.engine.started import started
from tests.support.model_server import ModelServer

if TYPE_CHECKING:
    from tests.support.cast import Person

WITHIN_S = 600.0
WORDS = "word "


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--calls", type=int, nargs="+", default=[100, 1000, 5000, 10_000], help="at once, by row")
    given.add_argument("--seconds", type=float, default=20.0, help="that each stream takes (default: 20)")
    given.add_argument("--chunks", type=int, default=20, help="of each stream (default: 20)")
    given.add_argument("--turns", action="store_true", help="turns of agents: context read, tools offered")
    options = given.parse_args()
    most = str(2 * max(options.calls))
    server = ModelServer()
    unlimited = {
        "HARTLEY_TASKS_PER_USER": most,
        "HARTLEY_TASKS_PER_TENANT": most,
        "HARTLEY_LLM_SLOTS": most,
        "HARTLEY_MODEL_TIMEOUT_S": "600",
        "CONFIG__PROVIDERS__OPENAI__CONNECTIONS": most,
        "CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE": "10000000",
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "none",
    }
    try:
        with started(**unlimited):
            sys.exit(1 if measure(server, options.calls, options.seconds, options.chunks, options.turns) else 0)
    finally:
        server.stop()


def measure(server: ModelServer, sizes: list[int], seconds: float, chunks: int, turns: bool) -> int:
    print(
        f"{'calls':>7}{'open at once':>14}{'errors':>8}{'lost':>6}{'twice':>7}{'wall s':>8}{'least s':>9}"
        f"{'CPU ms/call':>13}{'base MB':>9}{'peak MB':>9}",
        flush=True,
    )
    wrong = 0
    person = owner()
    for calls in sizes:
        row = one(server, person, calls, seconds, chunks, turns)
        wrong += row.errors + row.lost + row.twice
        print(
            f"{calls:>7}{row.at_once:>14}{row.errors:>8}{row.lost:>6}{row.twice:>7}{row.wall_s:>8.1f}{seconds:>9.1f}"
            f"{row.cpu_ms:>13.2f}{row.base_mb:>9.0f}{row.peak_mb:>9.0f}",
            flush=True,
        )
    return wrong


@dataclass
class Row:
    at_once: int
    errors: int
    lost: int
    twice: int
    wall_s: float
    cpu_ms: float
    base_mb: float
    peak_mb: float


def one(server: ModelServer, person: Person, calls: int, seconds: float, chunks: int, turns: bool) -> Row:
    """A worker of its own, so that each row's memory is its own."""
    from benchmarks.gateway.running import llm_worker

    server.reset()
    server.script([{"reply": {"text": WORDS}}])
    with llm_worker() as pid:
        warm(person, turns)
        base, used = rss_mb([pid]), cpu_s([pid])
        peak = Peak(pid)
        server.reset()
        server.script([{"reply": {"text": WORDS * chunks, "chunks": chunks, "chunk_delay_s": seconds / chunks}}])
        server.gate()
        tasks = submitted(person, calls, turns)
        wait(lambda: server.count()["running"] >= calls or ended(person, tasks) > 0)
        at_once = server.count()["running"]
        began = time.perf_counter()
        server.release()
        wait(lambda: ended(person, tasks) == calls)
        wall = time.perf_counter() - began
        used = cpu_s([pid]) - used
        return Row(at_once, *outcome(person, tasks, server.count()), wall, used / calls * 1000, base, peak.stop())


def warm(person: Person, turns: bool) -> None:
    """One call before: what is loaded with the first is no cost of the others."""
    tasks = submitted(person, 1, turns)
    wait(lambda: ended(person, tasks) == 1)


def submitted(person: Person, calls: int, turns: bool) -> list[UUID]:
    from webapp.orchestration.steps import NewStep
    from webapp.orchestration.submit import Submission, submit_task

    def submit(n: int) -> UUID:
        if turns:
            step = NewStep("llm.turn", "agent", f"Question {n}", {"role": "", "needs": [], "turn": 1}, is_final=True)
        else:
            said = [{"role": "user", "content": f"Question {n}"}]
            asked = {"messages": said, "tools": [], "options": {}, "stream": True}
            step = NewStep("llm.complete", "", f"Question {n}", asked, is_final=True)
        submission = Submission(query=f"Question {n}", session=f"bench-{n}", mode="simple")
        return submit_task(principal=person.principal, submission=submission, steps=[step]).id

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(submit, range(calls)))


def ended(person: Person, tasks: list[UUID]) -> int:
    from webapp.agent_tasks.models import Task
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(person.principal.tenant_id):
        return Task.objects.filter(id__gte=min(tasks), finished_at__isnull=False).count()


def outcome(person: Person, tasks: list[UUID], seen: Counter[str]) -> tuple[int, int, int]:
    """Tasks that did not complete, settled at less than they should, and calls beyond one each."""
    from webapp.agent_tasks.models import Task
    from webapp.budgets.models import Hold
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(person.principal.tenant_id):
        done = Task.objects.filter(id__gte=min(tasks), state="completed").count()
        paid = Hold.objects.filter(task_id__gte=min(tasks), state="settled", worst_case=False).count()
    lost = len(tasks) - min(paid, done)
    return len(tasks) - done, lost, max(0, seen["total"] - len(tasks)) + max(0, paid - len(tasks))


class Peak:
    """The largest resident memory of a process, looked at ten times a second."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._over = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self._most = max(self._most, rss_mb([self._pid]))

    def stop(self) -> float:
        self._over.set()
        self._thread.join()
        return self._most


def wait(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not check():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {WITHIN_S:g} s")
        time.sleep(0.25)


if __name__ == "__main__":
    main()
