"""How long loops take in the sandbox, beside the Python that runs Hartley: each in a process or an instance of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import geometric_mean

from benchmarks.fresh.loops import LOOPS, TIMED

Run = Callable[[str], Awaitable[str]]


@dataclass(frozen=True)
class Ratios:
    """Seconds by place and loop, the least of all rounds; the first place is what the others are compared with."""

    took: dict[str, dict[str, float]]

    def ratio(self, place: str, loop: str) -> float:
        return self.took[place][loop] / next(iter(self.took.values()))[loop]

    def mean(self, place: str) -> float:
        return geometric_mean([self.ratio(place, loop) for loop in LOOPS])


async def measure(places: dict[str, Run], rounds: int) -> Ratios:
    """The places in turns, so that a busy moment of the machine falls on all of them."""
    least = {place: dict.fromkeys(LOOPS, float("inf")) for place in places}
    for _ in range(rounds):
        for loop, code in LOOPS.items():
            answers = set()
            for place, run in places.items():
                took, _, answer = (await run(code + TIMED)).partition(" ")
                least[place][loop] = min(least[place][loop], float(took))
                answers.add(answer)
            if len(answers) > 1:
                raise SystemExit(f"{loop}: not the same answer everywhere: {answers}")
    return Ratios(least)


def show(ratios: Ratios) -> None:
    native, *ours = ratios.took
    print(f"\n{'loop':24}{native + ', ms':>24}" + "".join(f"{place:>24}" for place in ours))
    for loop in LOOPS:
        cells = "".join(f"{ratios.ratio(place, loop):24.2f}" for place in ours)
        print(f"{loop:24}{1000 * ratios.took[native][loop]:24.1f}{cells}")
    print(f"{'geometric mean':48}" + "".join(f"{ratios.mean(place):24.2f}" for place in ours))
