"""Plan to canvas: which steps follow, fan out and join, in Celery's own words. Pure.

A canvas (chain, group, chord) can say series-parallel shapes only. What it cannot say stays an edge of the plan:
the engine releases every step by its own parents, so no barrier is added that the edges don't ask for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.orchestration.steps import NewStep


@dataclass(frozen=True)
class Node:
    """One step, by its position in the list that was compiled."""

    position: int
    kind: str
    agent: str


@dataclass(frozen=True)
class Chain:
    links: tuple[Canvas, ...]


@dataclass(frozen=True)
class Group:
    """Members that run side by side; in a chain, a group and what follows it are a chord."""

    members: tuple[Canvas, ...]


Canvas = Node | Chain | Group


def compile_steps(steps: Sequence[NewStep]) -> Canvas:
    """
    Reduce the steps to one canvas by series and parallel reduction; where neither applies, by levels.

    The levels are only how the shape is written down: hints follow the edges.
    """
    nodes: list[Canvas] = [Node(i, s.kind, s.agent) for i, s in enumerate(steps)]
    edges = _without_shortcuts({(a, i) for i, s in enumerate(steps) for a in s.after}, len(nodes))
    parts = dict(enumerate(nodes))
    while len(parts) > 1:
        if not (_merge_parallel(parts, edges) or _merge_series(parts, edges)):
            return _by_levels(parts, edges)
    return next(iter(parts.values()))


def describe(canvas: Canvas) -> str:
    """One line for people, e.g. `policy.admit | control.plan | group(llm.turn a1, llm.turn a2) | llm.synthesise`."""
    if isinstance(canvas, Node):
        return f"{canvas.kind} {canvas.agent}".strip()
    if isinstance(canvas, Chain):
        return " | ".join(describe(link) for link in canvas.links)
    return "group(" + ", ".join(describe(member) for member in canvas.members) + ")"


def _without_shortcuts(edges: set[tuple[int, int]], count: int) -> set[tuple[int, int]]:
    """Drop a -> c where a -> b -> ... -> c says the same: positions follow their parents, so one sweep is enough."""
    above: list[set[int]] = [set() for _ in range(count)]
    kept = set(edges)
    for child in range(count):
        parents = sorted((a for a, b in edges if b == child), reverse=True)
        for parent in parents:
            if parent in above[child]:
                kept.discard((parent, child))
            above[child] |= {parent} | above[parent]
    return kept


Parts = dict[int, Canvas]
Edges = set[tuple[int, int]]


def _merge_parallel(parts: Parts, edges: Edges) -> bool:
    """Parts with the same parents and the same children run side by side."""
    alike: dict[tuple[frozenset[int], frozenset[int]], list[int]] = {}
    for part in parts:
        key = (frozenset(a for a, b in edges if b == part), frozenset(b for a, b in edges if a == part))
        alike.setdefault(key, []).append(part)
    for keep, *others in alike.values():
        if others:
            parts[keep] = Group(tuple(m for part in (keep, *others) for m in _members(parts[part])))
            for other in others:
                del parts[other]
            edges -= {edge for edge in edges if set(edge) & set(others)}
            return True
    return False


def _merge_series(parts: Parts, edges: Edges) -> bool:
    """A part whose only child has no other parent is followed by it."""
    for a, b in sorted(edges):
        if sum(x == a for x, _ in edges) == 1 and sum(y == b for _, y in edges) == 1:
            parts[a] = Chain((*_links(parts[a]), *_links(parts[b])))
            edges.discard((a, b))
            moved = {(a, y) for x, y in edges if x == b}
            edges -= {edge for edge in edges if b in edge}
            edges |= moved
            del parts[b]
            return True
    return False


def _by_levels(parts: Parts, edges: Edges) -> Canvas:
    """Not series-parallel: write down level after level, by the longest way from a root."""
    level = dict.fromkeys(parts, 0)
    for _ in parts:
        for a, b in edges:
            level[b] = max(level[b], level[a] + 1)
    rows = [[part for part in parts if level[part] == depth] for depth in range(max(level.values()) + 1)]
    groups = [parts[row[0]] if len(row) == 1 else Group(tuple(parts[part] for part in row)) for row in rows]
    return Chain(tuple(link for group in groups for link in _links(group)))


def _links(canvas: Canvas) -> tuple[Canvas, ...]:
    return canvas.links if isinstance(canvas, Chain) else (canvas,)


def _members(canvas: Canvas) -> tuple[Canvas, ...]:
    return canvas.members if isinstance(canvas, Group) else (canvas,)
