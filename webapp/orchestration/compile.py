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
    shape = _Shape(steps)
    while shape.join_series() or shape.join_parallel():
        pass
    return shape.by_levels()


def describe(canvas: Canvas) -> str:
    """One line for people, e.g. `policy.admit | control.plan | group(llm.turn a1, llm.turn a2) | llm.synthesise`."""
    if isinstance(canvas, Node):
        return f"{canvas.kind} {canvas.agent}".strip()
    if isinstance(canvas, Chain):
        return " | ".join(describe(link) for link in canvas.links)
    return "group(" + ", ".join(describe(member) for member in canvas.members) + ")"


class _Shape:
    """
    Parts of a canvas and what each follows. Parts are named by their first position, so parents by smaller numbers.
    """

    def __init__(self, steps: Sequence[NewStep]) -> None:
        self.parts: dict[int, Canvas] = {i: Node(i, step.kind, step.agent) for i, step in enumerate(steps)}
        self.above = _without_shortcuts(steps)
        self.below: dict[int, set[int]] = {part: set() for part in self.parts}
        for part, parents in self.above.items():
            for parent in parents:
                self.below[parent].add(part)

    def join_series(self) -> bool:
        """A part whose only child has no other parent is followed by it."""
        joined = False
        for head in sorted(self.parts):
            run = [head]
            while head in self.parts and len(self.below[run[-1]]) == 1:
                (child,) = self.below[run[-1]]
                if len(self.above[child]) > 1:
                    break
                run.append(child)
            if len(run) > 1:
                joined = True
                self.parts[head] = Chain(tuple(link for part in run for link in _links(self.parts[part])))
                self.below[head] = self.below[run[-1]]
                for child in self.below[head]:
                    self.above[child] = self.above[child] - {run[-1]} | {head}
                for part in run[1:]:
                    del self.parts[part], self.above[part], self.below[part]
        return joined

    def join_parallel(self) -> bool:
        """Parts with the same parents and the same children run side by side."""
        alike: dict[tuple[frozenset[int], frozenset[int]], list[int]] = {}
        for part in sorted(self.parts):
            alike.setdefault((frozenset(self.above[part]), frozenset(self.below[part])), []).append(part)
        groups = [parts for parts in alike.values() if len(parts) > 1]
        for keep, *others in groups:
            members = [member for part in (keep, *others) for member in _members(self.parts[part])]
            self.parts[keep] = Group(tuple(members))
            for parent in self.above[keep]:
                self.below[parent].difference_update(others)
            for child in self.below[keep]:
                self.above[child].difference_update(others)
            for part in others:
                del self.parts[part], self.above[part], self.below[part]
        return bool(groups)

    def by_levels(self) -> Canvas:
        """Level after level, by the longest way from a root; a shape that was reduced to one part is that part."""
        level: dict[int, int] = {}
        rows: list[list[Canvas]] = []
        for part in sorted(self.parts):
            level[part] = max((level[parent] + 1 for parent in self.above[part]), default=0)
            if level[part] == len(rows):
                rows.append([])
            rows[level[part]].append(self.parts[part])
        groups = [row[0] if len(row) == 1 else Group(tuple(row)) for row in rows]
        return groups[0] if len(groups) == 1 else Chain(tuple(link for group in groups for link in _links(group)))


def _without_shortcuts(steps: Sequence[NewStep]) -> dict[int, set[int]]:
    """Parents by position; a -> c is left out where a -> b -> ... -> c says the same."""
    above: list[set[int]] = []
    kept: dict[int, set[int]] = {}
    for child, step in enumerate(steps):
        higher: set[int] = set()
        kept[child] = set()
        for parent in sorted(set(step.after), reverse=True):
            if parent not in higher:
                kept[child].add(parent)
                higher |= above[parent]
        above.append(higher | kept[child])
    return kept


def _links(canvas: Canvas) -> tuple[Canvas, ...]:
    return canvas.links if isinstance(canvas, Chain) else (canvas,)


def _members(canvas: Canvas) -> tuple[Canvas, ...]:
    return canvas.members if isinstance(canvas, Group) else (canvas,)
