"""The workflows that are measured, as parents by position. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

Shape = list[tuple[int, ...]]  # of each step the positions of its parents, all smaller than its own

FAN = [(), (0,), (0,), (0,), (0,), (0,), (1, 2, 3, 4, 5)]  # plan, five side by side, synthesis


def chain(length: int) -> Shape:
    return [(position - 1,) if position else () for position in range(length)]


def random_dags(count: int, *, seed: int, least: int = 4, most: int = 60) -> list[Shape]:
    """Half of them of any shape, the other half series-parallel."""
    pick = Random(seed)
    sizes = [pick.randint(least, most) for _ in range(count)]
    return [_any(pick, size) if nth % 2 else _series_parallel(pick, size) for nth, size in enumerate(sizes)]


def _any(pick: Random, size: int) -> Shape:
    """Every step has up to three parents among the eight before it."""
    near = [range(max(0, n - 8), n) for n in range(size)]
    return [tuple(sorted(pick.sample(near[n], min(n, pick.randint(0 if n % 7 == 0 else 1, 3))))) for n in range(size)]


def _series_parallel(pick: Random, size: int) -> Shape:
    """Fans of one to six steps, each followed by one that joins them."""
    shape: Shape = [()]
    while len(shape) < size:
        before = len(shape) - 1
        fan = pick.randint(1, 6)
        shape += [(before,)] * fan
        shape.append(tuple(range(before + 1, before + 1 + fan)))
    return shape[: max(size, 1)]


def critical_path(shape: Sequence[tuple[int, ...]]) -> int:
    """Steps on the longest way."""
    depth: list[int] = []
    for parents in shape:
        depth.append(1 + max((depth[parent] for parent in parents), default=0))
    return max(depth)
