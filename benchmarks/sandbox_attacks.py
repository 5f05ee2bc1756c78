"""
All hostile programs in random order, round after round, against one farm of keepers.

    python -m benchmarks.sandbox_attacks [--rounds 200] [--minutes 90] [--seed 1] [--keepers 4] [--image FOLDER]

Each attack must end as expected, and the run after it on the same keeper must find nothing of it. Between rounds, when
nothing runs: the memory of this process and, shared pages counted in parts, of the keepers' processes. Printed: a table by
family, memory before and after with its slope, and what was left at the end. Ends with 1 where an attack succeeded, memory
grew, or a process, folder or open file was left. A round takes about 15 s on two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import linear_regression, mean

import psutil

from benchmarks.sandbox_image import add_image, image_of
from sandbox.limits import MIB
from tests.integration.sandbox.attacks.arena import Arena, Played
from tests.integration.sandbox.attacks.attack import Attack
from tests.integration.sandbox.attacks.corpus import FAMILIES

WARM_ROUNDS = 2  # until allocators have what they keep
FLAT_MIB = 8.0  # of growth from the first quarter to the last
TOLD_FAULTS = 20


@dataclass
class Family:
    """What came of a family's attacks, over all rounds."""

    runs: int = 0
    slowest_s: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)

    def add(self, played: Played) -> None:
        self.runs += 1
        self.slowest_s = max(self.slowest_s, played.took_s)
        self.ends[played.status] += 1


@dataclass(frozen=True)
class Memory:
    """In MiB: resident of this process; of the keepers' processes, with shared pages in parts."""

    host: float
    children: float


@dataclass
class Result:
    families: dict[str, Family] = field(default_factory=lambda: defaultdict(Family))
    faults: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    memory: list[Memory] = field(default_factory=list)
    rounds: int = 0

    def add(self, family: str, attack: Attack, played: Played) -> None:
        self.families[family].add(played)
        if played.faults:
            name = f"{family}: {attack.name}"
            self.faults[name] += 1
            self.first.setdefault(name, " / ".join(played.faults)[:1000])


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rounds", type=int, default=200, help="of all attacks (default: 200)")
    given.add_argument("--minutes", type=float, default=90, help="then no further round begins (default: 90)")
    given.add_argument("--seed", type=int, default=1, help="of the order (default: 1)")
    given.add_argument("--keepers", type=int, default=4, help="of one process each (default: 4)")
    options = add_image(given).parse_args()
    image = image_of(options)
    before = held()
    with tempfile.TemporaryDirectory(prefix="attacks-") as scratch:
        result = asyncio.run(played(options, image, Path(scratch)))
        left = os.listdir(scratch)
    tell(result)
    sys.exit(0 if judged(result, before, held(), left) else 1)


async def played(options: argparse.Namespace, image: Path, scratch: Path) -> Result:
    result, order = Result(), random.Random(options.seed)
    attacks = [(family, attack) for family, members in FAMILIES.items() for attack in members]
    families = {id(attack): family for family, attack in attacks}
    until = time.monotonic() + 60 * options.minutes
    async with Arena(folder=image, scratch=scratch, size=options.keepers) as arena:
        while result.rounds < options.rounds and time.monotonic() < until:
            order.shuffle(attacks)
            started = time.monotonic()
            await arena.play((a for _, a in attacks), lambda a, p: result.add(families[id(a)], a, p))
            result.rounds += 1
            result.memory.append(memory(pid for keeper in arena.keepers for pid in keeper.pids()))
            tell_round(result, time.monotonic() - started)
    return result


def memory(pids: Iterable[int]) -> Memory:
    """Where the system doesn't let us look, as at other users' processes, children count as nothing."""
    children = 0
    for pid in pids:
        try:
            children += psutil.Process(pid).memory_full_info().pss
        except psutil.Error:
            continue
    return Memory(psutil.Process().memory_info().rss / MIB, children / MIB)


@dataclass(frozen=True)
class Held:
    processes: int
    files: int
    threads: int


def held() -> Held:
    own = psutil.Process()
    return Held(len(own.children(recursive=True)), own.num_fds(), own.num_threads())


def tell_round(result: Result, took_s: float) -> None:
    now, faults = result.memory[-1], sum(result.faults.values())
    print(
        f"round {result.rounds:3}  {took_s:5.1f} s  host {now.host:6.1f} MiB  children {now.children:6.1f} MiB  faults {faults}",
        flush=True,
    )


def tell(result: Result) -> None:
    print(f"\n{'family':14} {'runs':>7} {'slowest':>9}   ends")
    for name, family in sorted(result.families.items()):
        ends = ", ".join(f"{count} {status}" for status, count in family.ends.most_common())
        print(f"{name:14} {family.runs:7} {family.slowest_s:7.2f} s   {ends}")
    runs = sum(family.runs for family in result.families.values())
    print(f"{'all':14} {runs:7} attacks in {result.rounds} rounds, {sum(result.faults.values())} not as expected")
    for name, count in result.faults.most_common(TOLD_FAULTS):
        print(f"  {count} times {name}: {result.first[name]}")


def judged(result: Result, before: Held, after: Held, left: list[str]) -> bool:
    flat = all(
        [grown("host", [at.host for at in result.memory]), grown("children", [at.children for at in result.memory])]
    )
    print(f"before: {before}\nafter:  {after}\nfolders left: {len(left)}")
    nothing_left = after.processes <= before.processes and after.files <= before.files and not left
    return flat and nothing_left and not result.faults


def grown(whose: str, figures: list[float]) -> bool:
    """Whether it stayed flat, apart from the first rounds."""
    figures = figures[WARM_ROUNDS:]
    if len(figures) < 4:
        print(f"memory of {whose}: too few rounds to tell")
        return True
    quarter = len(figures) // 4
    first, last = mean(figures[:quarter]), mean(figures[-quarter:])
    slope = linear_regression(range(len(figures)), figures).slope
    print(
        f"memory of {whose}: {first:.1f} MiB in the first quarter, {last:.1f} MiB in the last, {1024 * slope:+.1f} KiB a round"
    )
    return last - first < FLAT_MIB


if __name__ == "__main__":
    main()
