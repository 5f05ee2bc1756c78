"""
What a fresh sandbox costs: beside a Python process, bubblewrap, and other builds of Python for WebAssembly, in one run.

    python benchmarks/sandbox.py [--only fresh load compute] [--rounds 200] [--peers FOLDER] [--image FOLDER]

`fresh`: a new interpreter with the whole standard library for each piece of code, request and reply included, the ways in
turns. `load`: runs a second on one core and on two. `compute`: loops inside and natively, the least of five rounds in turns.
Peers that are not installed are named with the command that installs them. Ends with 1 where print('hi') is not 8 times faster
than `python -c` and twice as fast as `python -I -S -c`, its p99 is more than 5 times its p50, two cores do not reach 1.7
times the runs of one, or the loops take more than 3.5 times as long as natively. docs/sandbox-bench.md tells more.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # this file's own folder has another `sandbox`

from benchmarks.fresh import compute, saturated  # noqa: E402
from benchmarks.fresh.figures import Row, show  # noqa: E402
from benchmarks.fresh.saturated import Load  # noqa: E402
from benchmarks.fresh.snippets import SNIPPETS  # noqa: E402
from benchmarks.fresh.spaced import back_to_back, in_turns  # noqa: E402
from benchmarks.fresh.ways import PYTHON, Absent, Way, process, ways  # noqa: E402
from sandbox.build import build  # noqa: E402
from sandbox.keeper import Job, Keeper  # noqa: E402
from sandbox.limits import Limits  # noqa: E402

PARTS = ("fresh", "load", "compute")
LOADS = [
    Load("one core: client and one process", 1, 1, [0]),
    Load("two cores: client and one process", 1, 1),
    Load("two cores: client and two processes", 1, 2),
    Load("two cores: two clients with a process each", 2, 1),
]
COMPUTE_ROUNDS = 5
ENOUGH_FUEL = 10**15
VERSION = "import sys; print(sys.version.split()[0])"
FASTER = {"python -c": 8, "python -I -S -c": 2}
TAIL, SECOND_CORE, SLOWER = 5, 1.7, 3.5


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="default: all")
    given.add_argument("--rounds", type=int, default=200, help="of print('hi') in turns (default: 200)")
    given.add_argument("--seconds", type=float, default=8, help="of each load (default: 8)")
    given.add_argument(
        "--peers", type=Path, default=ROOT / ".hartley" / "peers", help="where npm installed its packages"
    )
    given.add_argument("--image", type=Path, help="the sandbox's image; built there when it is missing")
    options = given.parse_args()
    options.image = options.image or Path(os.environ.get("HARTLEY_SANDBOX_IMAGE", ROOT / ".hartley" / "sandbox"))
    build(options.image)
    promises = list(asyncio.run(measured(options)))
    print()
    for kept, promise in promises:
        print(f"{'kept' if kept else 'BROKEN'}: {promise}")
    sys.exit(not all(kept for kept, _ in promises))


Promise = tuple[bool, str]


async def measured(options: argparse.Namespace) -> list[Promise]:
    promises: list[Promise] = []
    keeper = Keeper(image=options.image, size=1, limits=Limits())
    try:
        await keeper.start()
        if "fresh" in options.only:
            promises += await fresh(keeper, options)
        if "load" in options.only:
            promises += load(options)
        if "compute" in options.only:
            promises += await computed(keeper)
    finally:
        await keeper.close()
    return promises


async def fresh(keeper: Keeper, options: argparse.Namespace) -> list[Promise]:
    ours = Way("Hartley", lambda code: ran(keeper, code, keeper.limits))
    present = [ours, *installed(options.peers)]
    promises: list[Promise] = []
    for snippet in SNIPPETS:
        rounds = max(1, round(options.rounds * snippet.share))
        rows = await in_turns(present, snippet, rounds)
        rows.insert(1, await back_to_back(ours, snippet, 5 * rounds))
        show(snippet.name, rows, rows[0])
        promises = promises or list(promised(rows))  # of the first, which does next to nothing
    return promises


def installed(folder: Path) -> Iterator[Way]:
    for way in ways(folder):
        if isinstance(way, Absent):
            print(f"SKIPPED: {way.name} is not installed; {way.install}")
        else:
            yield way


def promised(rows: list[Row]) -> Iterator[Promise]:
    by_name = {row.name: row for row in rows}
    for name, times in FASTER.items():
        ratio = by_name[name].p50_s / rows[0].p50_s
        yield ratio >= times, f"a fresh run takes 1/{ratio:.1f} of the time of {name} (at most 1/{times})"
    for row in rows[:2]:
        yield (
            row.p99_s <= TAIL * row.p50_s,
            f"{row.name}: p99 is {row.p99_s / row.p50_s:.1f} times p50 (at most {TAIL})",
        )


def load(options: argparse.Namespace) -> list[Promise]:
    rows = [saturated.measure(load, options.image, options.seconds) for load in LOADS]
    saturated.show(rows)
    ratio = max(row.per_s for row in rows) / rows[0].per_s
    return [(ratio >= SECOND_CORE, f"two cores make {ratio:.2f} times the runs of one (at least {SECOND_CORE})")]


async def computed(keeper: Keeper) -> list[Promise]:
    async def plain(code: str) -> str:
        return await ran(keeper, code, keeper.limits)

    async def metered(code: str) -> str:
        return await ran(keeper, code, replace(keeper.limits, fuel=ENOUGH_FUEL))

    places = {"native": process(PYTHON, "-I", "-c"), "sandbox": plain, "with fuel counted": metered}
    print(f"\nLoops: natively CPython {await places['native'](VERSION)}, inside CPython {await plain(VERSION)}")
    ratios = await compute.measure(places, COMPUTE_ROUNDS)
    compute.show(ratios)
    mean = ratios.mean("sandbox")
    return [(mean <= SLOWER, f"loops take {mean:.2f} times as long as natively (at most {SLOWER})")]


async def ran(keeper: Keeper, code: str, limits: Limits) -> str:
    outcome = await keeper.run(Job(code), limits)
    if outcome.status != "ok":
        raise SystemExit(f"a run ended with {outcome}")
    return outcome.stdout.strip()


if __name__ == "__main__":
    main()
