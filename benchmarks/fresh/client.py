"""
One client process with a keeper of its own: says "ready", starts at a line on standard input, prints what it reached.

    python -m benchmarks.fresh.client --image FOLDER --processes N --seconds S [--cpus 0 1]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path

from benchmarks.fresh.snippets import SNIPPETS
from sandbox.keeper import Job, Keeper
from sandbox.limits import Limits

WAITING = 4  # jobs for each process, so that none of them waits for one
KIB = 1024


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--image", type=Path, required=True)
    given.add_argument("--processes", type=int, required=True)
    given.add_argument("--seconds", type=float, required=True)
    given.add_argument("--cpus", type=int, nargs="+", default=[])
    options = given.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, options.cpus)
    print(json.dumps(asyncio.run(reach(options))), flush=True)


async def reach(options: argparse.Namespace) -> dict[str, float]:
    keeper = Keeper(image=options.image, size=options.processes, limits=Limits())
    try:
        await keeper.start()
        for _ in range(20 * options.processes):
            await one(keeper)
        print("ready", flush=True)
        sys.stdin.readline()
        own, began = own_cpu_s(), time.monotonic()
        children = sum(map(cpu_s, keeper.pids()))
        runs = sum(
            await asyncio.gather(*(until(keeper, began + options.seconds) for _ in range(WAITING * options.processes)))
        )
        took = time.monotonic() - began
        return {
            "per_s": runs / took,
            "client_cpu_ms": 1000 * (own_cpu_s() - own) / runs,
            "process_cpu_ms": 1000 * (sum(map(cpu_s, keeper.pids())) - children) / runs,
            "process_mb": sum(map(proportional_mb, keeper.pids())) / options.processes,
        }
    finally:
        await keeper.close()


async def until(keeper: Keeper, end: float) -> int:
    runs = 0
    while time.monotonic() < end:
        await one(keeper)
        runs += 1
    return runs


async def one(keeper: Keeper) -> None:
    outcome = await keeper.run(Job(SNIPPETS[0].code))
    if outcome.stdout.strip() != SNIPPETS[0].said:
        raise SystemExit(f"a run ended with {outcome}")


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def proportional_mb(pid: int) -> float:
    """Of shared memory its part only (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * KIB / 1e6 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
