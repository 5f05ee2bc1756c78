"""One run at a time, in turns with the other ways; and one after the other without a pause."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.fresh.figures import Row
from benchmarks.fresh.snippets import Snippet
from benchmarks.fresh.ways import Way

WARM = 3
SLOW_ROUNDS = 5


async def in_turns(ways: Sequence[Way], snippet: Snippet, rounds: int) -> list[Row]:
    """Each round asks every way once, so that a busy moment of the machine falls on all of them."""
    took: dict[str, list[float]] = {way.name: [] for way in ways}
    for way in ways:
        for _ in range(1 if way.slow else WARM):
            await timed(way, snippet)
    for number in range(rounds):
        for way in ways:
            if not way.slow or number % max(1, rounds // SLOW_ROUNDS) == 0:
                took[way.name].append(await timed(way, snippet))
    return [Row(name, tuple(of)) for name, of in took.items()]


async def back_to_back(way: Way, snippet: Snippet, rounds: int) -> Row:
    return Row(f"{way.name}, back to back", tuple([await timed(way, snippet) for _ in range(rounds)]))


async def timed(way: Way, snippet: Snippet) -> float:
    """Seconds. A way that prints something else measures something else, so that ends the benchmark."""
    began = time.perf_counter()
    said = await way.run(snippet.code)
    took = time.perf_counter() - began
    if said != snippet.said:
        raise SystemExit(f"{way.name} printed {said[:200]!r} instead of {snippet.said!r}")
    return took
