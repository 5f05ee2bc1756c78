"""Hartley: real Postgres, Valkey and one worker process; workflows are submitted as rows, without HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.engine.figures import Figures, alone, cpu_s, pushes, rss_mb
from benchmarks.engine.shapes import FAN, Shape
from deploy.embedded import programs
from tests.support.processes import gone, launch
from tests.support.services import Services

if TYPE_CHECKING:  # it needs Django, which is set up later
    from tests.support.cast import Person


class Ended:
    """Hears which tasks have ended, as workers tell each other."""

    def __init__(self, url: str) -> None:
        from webapp.common.wakeups import ENDED

        self._heard = Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
        self._heard.subscribe(ENDED)
        self._news = threading.Condition()
        self._at: dict[UUID, float] = {}
        self._stop = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                message = self._heard.get_message(timeout=0.2)
            except RedisError:
                return  # it has been stopped, at the end
            if message:
                at = time.perf_counter()
                with self._news:
                    self._at |= {UUID(task): at for task in json.loads(message["data"])}
                    self._news.notify_all()

    def wait(self, tasks: Sequence[UUID], within_s: float = 120) -> list[float]:
        """When each of them ended."""
        with self._news:
            if not self._news.wait_for(lambda: all(task in self._at for task in tasks), within_s):
                raise SystemExit(f"{sum(task not in self._at for task in tasks)} tasks did not end within {within_s} s")
            return [self._at[task] for task in tasks]

    def wait_any(self, among: set[UUID], within_s: float = 60) -> set[UUID]:
        with self._news:
            if not self._news.wait_for(lambda: not among.isdisjoint(self._at), within_s):
                raise SystemExit("nothing ended")
            return {task for task in among if task in self._at}

    def close(self) -> None:
        self._stop.set()


@contextmanager
def worker(services: Services, environment: dict[str, str], queues: str = "control,policy,llm,tools") -> Iterator[int]:
    """One worker process; yields its process id. Hints that come before it is ready wait in the broker."""
    command = programs.worker(queues, "bench", app="benchmarks.engine.worker")
    log = services.home.path("logs") / "bench-worker.log"
    process = launch(command, log=log, env=environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        gone(process, 30)


class Driver:
    """Submits a shape as a task of one person: what submitting does, without planning."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def submit(self, shape: Shape, kind: str, seconds: float = 0.0) -> UUID:
        from webapp.orchestration.steps import NewStep
        from webapp.orchestration.submit import Submission, submit_task

        last = len(shape) - 1
        steps = [
            NewStep(kind, f"s{n}", "bench", {"seconds": seconds}, after=parents, is_final=n == last)
            for n, parents in enumerate(shape)
        ]
        submission = Submission(query="bench", mode="simple")  # in a session of its own, as independent work is
        return submit_task(principal=self.person.principal, submission=submission, steps=steps).id


def throughput(driver: Driver, ended: Ended, kind: str, *, seconds: float, in_flight: int) -> float:
    """Workflows a second with so many in flight."""
    from concurrent.futures import ThreadPoolExecutor

    running: set[UUID] = set()
    done = 0
    with ThreadPoolExecutor(2) as pool:  # the ORM of one submission waits for Postgres most of the time
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            running |= set(pool.map(lambda _: driver.submit(FAN, kind), range(in_flight - len(running))))
            over = ended.wait_any(running)
            done += len(over)
            running -= over
        spent = time.perf_counter() - begun
    ended.wait(list(running))
    return done / spent


def measure(
    services: Services, person: Person, environment: dict[str, str], *, seconds: float, in_flight: int, times: int
) -> Iterator[Figures]:
    redis = Redis.from_url(services.env["REDIS_URL"])
    driver, ended = Driver(person), Ended(services.env["REDIS_URL"])
    with worker(services, environment) as pid:
        ended.wait([driver.submit(FAN, "control.bare")])
        for name, kind in (
            ("Hartley, policy, budget, events, recording", "control.governed"),
            ("Hartley, events and recording only", "control.bare"),
        ):
            throughput(driver, ended, kind, seconds=1, in_flight=in_flight)
            before = commits(), pushes(redis), cpu_s([pid])
            per_s = throughput(driver, ended, kind, seconds=seconds, in_flight=in_flight)
            count = per_s * seconds
            after = commits(), pushes(redis), cpu_s([pid])
            p50, p95 = alone(lambda kind=kind: ended.wait([driver.submit(FAN, kind)]), times)  # type: ignore[misc]
            yield Figures(
                name, per_s, p50, p95,
                messages=(after[1] - before[1]) / count,
                transactions=(after[0] - before[0]) / count,
                worker_ms=(after[2] - before[2]) / count * 1000,
                rss_mb=rss_mb([pid]),
            )  # fmt: skip
    ended.close()


def commits() -> int:
    from django.db import connections

    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def chain_s(driver: Driver, ended: Ended, *, length: int, step_s: float, times: int) -> tuple[float, float]:
    from benchmarks.engine.shapes import chain

    return alone(lambda: ended.wait([driver.submit(chain(length), "control.sleep", step_s)]), times)


def makespans(
    driver: Driver, ended: Ended, shapes: Sequence[Shape], *, step_s: float, side_by_side: int
) -> list[float]:
    """Of each shape: from the submit to its end, over its critical path."""
    from benchmarks.engine.shapes import critical_path

    ratios = []
    for first in range(0, len(shapes), side_by_side):
        some = shapes[first : first + side_by_side]
        begun, tasks = [], []
        for shape in some:
            begun.append(time.perf_counter())
            tasks.append(driver.submit(shape, "control.sleep", step_s))
        for shape, start, end in zip(some, begun, ended.wait(tasks), strict=True):
            ratios.append((end - start) / (critical_path(shape) * step_s))
    return ratios
