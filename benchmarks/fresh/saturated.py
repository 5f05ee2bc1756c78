"""Runs a second with as much waiting as there may be, on one core and on two."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support.services import ROOT, die_with_parent


@dataclass(frozen=True)
class Load:
    """
    Attributes:
        clients: processes with an event loop and a keeper each.
        processes: sandbox processes of each keeper.
        cpus: those that a client and its processes may use; None: all.
    """

    name: str
    clients: int
    processes: int
    cpus: list[int] | None = None


@dataclass(frozen=True)
class Reached:
    """Milliseconds of CPU are for one run; `process_mb` is what one sandbox process takes (PSS) at the end."""

    name: str
    per_s: float
    client_cpu_ms: float
    process_cpu_ms: float
    process_mb: float


def measure(load: Load, image: Path, seconds: float) -> Reached:
    with ExitStack() as stack:
        clients = [stack.enter_context(client(load, image, seconds)) for _ in range(load.clients)]
        for each in clients:
            assert each.stdout and each.stdout.readline() == "ready\n", "a client did not start"
        for each in clients:
            assert each.stdin
            each.stdin.write("go\n")
            each.stdin.flush()
        told = [json.loads(each.stdout.readline()) for each in clients if each.stdout]
    per_s = sum(each["per_s"] for each in told)
    means = {
        name: sum(each[name] for each in told) / len(told) for name in ("client_cpu_ms", "process_cpu_ms", "process_mb")
    }
    return Reached(load.name, per_s, **means)


def client(load: Load, image: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.fresh.client", "--image", str(image), "--seconds", str(seconds)]
    command += ["--processes", str(load.processes)]
    if load.cpus is not None:
        command += ["--cpus", *map(str, load.cpus)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, preexec_fn=die_with_parent
    )


def show(rows: list[Reached]) -> None:
    head = f"{'':58}{'runs/s':>8}{'ratio':>8}{'client ms':>11}{'process ms':>12}{'MB':>7}"
    print(f"\nSaturated with print('hi'); milliseconds of CPU for one run, memory of a process (PSS)\n\n{head}")
    for row in rows:
        print(
            f"{row.name:58}{row.per_s:8.0f}{row.per_s / rows[0].per_s:8.2f}{row.client_cpu_ms:11.2f}"
            f"{row.process_cpu_ms:12.2f}{row.process_mb:7.1f}"
        )
