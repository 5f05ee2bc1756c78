"""What is measured of every contender, and the table."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis


@dataclass
class Figures:
    """
    Attributes:
        per_s: workflows a second with many in flight; p50_s, p95_s: of one alone.
        messages, transactions: per workflow, of the broker and of Postgres; None where there is no broker.
        worker_ms: CPU of the worker processes per workflow; rss_mb: their memory at the end.
    """

    name: str
    per_s: float
    p50_s: float
    p95_s: float
    messages: float | None = None
    transactions: float | None = None
    worker_ms: float | None = None
    rss_mb: float | None = None
    notes: list[str] = field(default_factory=list)


def percentiles(took: list[float]) -> tuple[float, float]:
    ordered = sorted(took)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]


def alone(run: Callable[[], object], times: int) -> tuple[float, float]:
    """p50 and p95 in seconds of one at a time, after a few to warm up."""
    for _ in range(5):
        run()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return percentiles(took)


def cpu_s(pids: list[int]) -> float:
    """User and system time that these processes have used."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mb(pids: list[int]) -> float:
    kilobytes = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                kilobytes += int(line.split()[1])
    return kilobytes / 1024


def pushes(redis: Redis) -> int:
    """Messages that were put into the broker's queues."""
    stats: Any = redis.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("lpush", "rpush"))


def table(rows: list[Figures]) -> str:
    """One line each; the ratios are to the bare canvas of the same run."""
    canvas = next((row for row in rows if row.name.startswith("bare canvas")), rows[0])
    lines = [
        f"{'':44}{'wf/s':>8}{'ratio':>7}{'p50 ms':>9}{'p95 ms':>9}{'msgs':>7}{'tx':>7}{'CPU ms':>8}{'RSS MB':>8}",
    ]
    for row in rows:
        optional = [row.messages, row.transactions, row.worker_ms, row.rss_mb]
        cells = ["–" if value is None else f"{value:.1f}" for value in optional]
        lines.append(
            f"{row.name:44}{row.per_s:8.1f}{row.per_s / canvas.per_s:7.2f}{row.p50_s * 1000:9.1f}{row.p95_s * 1000:9.1f}"
            f"{cells[0]:>7}{cells[1]:>7}{cells[2]:>8}{cells[3]:>8}"
        )
        lines += [f"    {note}" for note in row.notes]
    return "\n".join(lines)
