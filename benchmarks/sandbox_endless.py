"""
Programs that never end: how late each is stopped after its limit, and how long a cancel takes, as the caller sees it.

    python -m benchmarks.sandbox_endless [--runs 500] [--cancels 100] [--keepers 2] [--seed 1] [--image FOLDER]

Ten kinds: those that compute, in Python or in C below it, and those that wait in a call that no interrupt reaches. Limits of
0.2 to 0.6 s. A cancel comes at a random moment after the code has said that it runs; timed are the caller's return and the
end of the process. Ends with 1 where one is later than 250 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from statistics import quantiles

from benchmarks.sandbox_image import add_image, image_of
from sandbox.keeper import Job, Keeper
from sandbox.limits import Limits

MOST_S = 0.25
SAID = "running\n"
FIFO = "import os\nwhile not os.path.exists('/workspace/fifo'): pass\nopen('/workspace/fifo')"
KINDS = {
    "while": "while True: pass",
    "while, catching all": "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "regular expression": "import re\nre.match('(a*)*b', 'a' * 60)",
    "big integers": "7 ** 10**9",
    "iterator in C": "import itertools\nsum(itertools.repeat(1))",
    "recursive query": "import sqlite3\nsqlite3.connect(':memory:').execute('with recursive c(x) as (select 1 union all select x + 1 from c) select max(x) from c').fetchall()",
    "sleep": "import time\ntime.sleep(10**6)",
    "select": "import select\nselect.select([], [], [], 10**6)",
    "asyncio": "import asyncio\nasyncio.run(asyncio.sleep(10**6))",
    "FIFO": FIFO,
}


@dataclass(frozen=True)
class Stopped:
    """How late, in seconds; `faults` is empty when it ended as it should."""

    kind: str
    late_s: float
    faults: str = ""


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--runs", type=int, default=500, help="to their limit (default: 500)")
    given.add_argument("--cancels", type=int, default=100, help="(default: 100)")
    given.add_argument("--keepers", type=int, default=2, help="of one process each, side by side (default: 2)")
    given.add_argument("--seed", type=int, default=1, help="of limits and moments (default: 1)")
    options = add_image(given).parse_args()
    image = image_of(options)
    kinds = [kind for kind in KINDS if kind != "FIFO" or os.getuid() == 0]
    if len(kinds) < len(KINDS):
        print("A FIFO can only be put into the processes' own folders by root; that kind is left out.")
    with tempfile.TemporaryDirectory(prefix="endless-") as scratch:
        sys.exit(0 if asyncio.run(measured(options, image, Path(scratch), kinds)) else 1)


async def measured(options: argparse.Namespace, image: Path, scratch: Path, kinds: list[str]) -> bool:
    keepers = [Keeper(image=image, size=1, limits=Limits(), scratch=scratch) for _ in range(options.keepers)]
    chance = random.Random(options.seed)
    await asyncio.gather(*(keeper.start() for keeper in keepers))
    try:
        runs = await shared(keepers, islice(cycle(kinds), options.runs), chance, to_its_limit)
        cancels = await shared(keepers, islice(cycle(kinds), options.cancels), chance, until_cancelled)
    finally:
        await asyncio.gather(*(keeper.close() for keeper in keepers))
    return all([told("after the limit", runs, kinds), told("after a cancel", cancels, kinds)])


async def shared(keepers, kinds: Iterator[str], chance: random.Random, measure) -> list[Stopped]:
    """Each keeper takes the next kind when it is free."""

    async def one_after_another(keeper: Keeper) -> list[Stopped]:
        return [await measure(keeper, kind, chance) for kind in kinds]

    return [one for done in await asyncio.gather(*map(one_after_another, keepers)) for one in done]


async def to_its_limit(keeper: Keeper, kind: str, chance: random.Random) -> Stopped:
    wall_s = chance.uniform(0.2, 0.6)
    await ready(keeper)
    planting = asyncio.create_task(plant(keeper, kind))
    started = time.monotonic()
    outcome = await keeper.run(job(kind), replace(keeper.limits, wall_s=wall_s))
    late_s = time.monotonic() - started - wall_s
    planting.cancel()
    right = outcome.status == "timeout" and outcome.stdout == SAID
    return Stopped(kind, late_s, "" if right else f"{kind}: {outcome}")


async def until_cancelled(keeper: Keeper, kind: str, chance: random.Random) -> Stopped:
    await ready(keeper)
    (pid,), runs = keeper.pids(), asyncio.Event()
    planting = asyncio.create_task(plant(keeper, kind))
    running = asyncio.create_task(keeper.run(job(kind), replace(keeper.limits, wall_s=60), lambda *_: runs.set()))
    await runs.wait()
    await asyncio.sleep(chance.uniform(0, 0.2))
    started = time.monotonic()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    while ended_not(pid):
        await asyncio.sleep(0.001)
    planting.cancel()
    return Stopped(kind, time.monotonic() - started, "" if running.cancelled() else f"{kind}: not cancelled")


async def ready(keeper: Keeper) -> None:
    """The start of a process in the place of one that was ended is no part of the next one's time."""
    outcome = await keeper.run(Job("1"))
    assert outcome.status == "ok", outcome


def job(kind: str) -> Job:
    return Job(f"print('running')\n{KINDS[kind]}")


async def plant(keeper: Keeper, kind: str) -> None:
    """A FIFO in the run's workspace, which code has no means to make."""
    if kind != "FIFO":
        return
    (pid,) = keeper.pids()
    folder = Path(f"/proc/{pid}/cwd/workspace")
    os.mkfifo(folder / "fifo")
    os.chmod(folder / "fifo", 0o666)


def ended_not(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def told(when: str, stopped: list[Stopped], kinds: list[str]) -> bool:
    print(f"\n{when}, in ms{'':14} {'runs':>5} {'p50':>7} {'p99':>7} {'most':>7}")
    for kind in kinds:
        row(kind, [one.late_s for one in stopped if one.kind == kind])
    row("all", [one.late_s for one in stopped])
    faults = [one.faults for one in stopped if one.faults]
    print(*faults[:10], sep="\n", end="\n" if faults else "")
    return not faults and max(one.late_s for one in stopped) <= MOST_S


def row(name: str, late: list[float]) -> None:
    if len(late) < 2:
        return
    cuts = quantiles(late, n=100, method="inclusive")
    print(f"{name:30} {len(late):5} {1000 * cuts[49]:7.1f} {1000 * cuts[98]:7.1f} {1000 * max(late):7.1f}")


if __name__ == "__main__":
    main()
