"""A bare Celery canvas: chain and chord over the same broker with results in Redis, two prefork processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque

import psutil
from celery import Celery, chain, chord
from redis import Redis

from benchmarks.engine.figures import Figures, alone, cpu_s, pushes, rss_mb
from tests.support.services import ROOT, die_with_parent

BROKER = os.environ.get("BENCH_CANVAS_REDIS", "redis://")
app = Celery("canvas", broker=BROKER, backend=BROKER)
app.conf.update(worker_prefetch_multiplier=8, task_default_queue="canvas", result_expires=600)


@app.task
def plan() -> None: ...


@app.task
def part(_before: object) -> None: ...


@app.task
def synthesis(_parts: object) -> None: ...


def workflow():  # type: ignore[no-untyped-def]
    return chain(plan.s(), chord([part.s() for _ in range(5)], synthesis.s())).apply_async()


def measure(url: str, *, seconds: float, in_flight: int, times: int) -> Figures:
    app.conf.update(broker_url=url, result_backend=url)
    command = ["-m", "celery", "-A", "benchmarks.engine.canvas", "worker", "-P", "prefork", "-c", "2", "-Q", "canvas"]
    quiet = ["-n", "canvas@%h", "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    process = subprocess.Popen(
        [sys.executable, *command, *quiet],
        env={**os.environ, "BENCH_CANVAS_REDIS": url},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,
    )
    redis = Redis.from_url(url)
    try:
        workflow().get(timeout=60)
        pids = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        before = pushes(redis), cpu_s(pids)
        running = deque(workflow() for _ in range(in_flight))
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            running.popleft().get(timeout=60, interval=0.001)
            done += 1
            running.append(workflow())
        per_s = done / (time.perf_counter() - begun)
        after = pushes(redis), cpu_s(pids)
        while running:
            running.popleft().get(timeout=60)
        p50, p95 = alone(lambda: workflow().get(timeout=60, interval=0.001), times)
        return Figures(
            "bare canvas, prefork 2, Redis results", per_s, p50, p95,
            messages=(after[0] - before[0]) / (done + in_flight), transactions=0.0,
            worker_ms=(after[1] - before[1]) / done * 1000, rss_mb=rss_mb(pids),
        )  # fmt: skip
    finally:
        process.terminate()
        process.wait(30)
