"""Where the nodes and edges of a DAG go: layers from left to right, in an order that keeps edges short. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

NODE_WIDTH, NODE_HEIGHT = 168, 52
GAP_X, GAP_Y = 44, 14
MARGIN = 8
SHOWN_NODES = 120  # above this, alike steps of a layer are drawn as one
SWEEPS = 4


class DrawnStep(Protocol):
    n: int
    kind: str
    agent: str
    state: str
    parents: list[int]


@dataclass
class Node:
    """One step, or several alike: `n` is the first of them, `count` how many."""

    n: int
    kind: str
    agent: str
    state: str
    layer: int
    count: int = 1
    x: float = 0
    y: float = 0
    parents: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Edge:
    source: Node
    target: Node

    @property
    def path(self) -> str:
        x1, y1 = self.source.x + NODE_WIDTH, self.source.y + NODE_HEIGHT / 2
        x2, y2 = self.target.x, self.target.y + NODE_HEIGHT / 2
        bend = (x2 - x1) / 2
        return f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"


@dataclass(frozen=True)
class Drawing:
    nodes: list[Node]
    edges: list[Edge]
    width: float
    height: float


def draw(steps: Sequence[DrawnStep]) -> Drawing:
    """A layout in which no nodes overlap and every edge goes forward, whatever the DAG."""
    nodes = _merged(_layered(steps)) if len(steps) > SHOWN_NODES else _layered(steps)
    layers: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        layers[node.layer].append(node)
    _order(layers)
    tallest = max((len(layer) for layer in layers.values()), default=0)
    for layer, members in layers.items():
        indent = (tallest - len(members)) * (NODE_HEIGHT + GAP_Y) / 2
        for row, node in enumerate(members):
            node.x = MARGIN + layer * (NODE_WIDTH + GAP_X)
            node.y = MARGIN + indent + row * (NODE_HEIGHT + GAP_Y)
    known = {node.n: node for node in nodes}
    edges = [Edge(known[parent], node) for node in nodes for parent in sorted(node.parents)]
    width = 2 * MARGIN + (max(layers, default=0) + 1) * (NODE_WIDTH + GAP_X) - GAP_X
    return Drawing(nodes, edges, width, 2 * MARGIN + max(1, tallest) * (NODE_HEIGHT + GAP_Y) - GAP_Y)


def with_origins(steps: Sequence[DrawnStep]) -> dict[int, set[int]]:
    """
    Parents by step, and for those that were added while running the step they came from.

    A tool call comes from the last turn of its agent before it, an agent's first turn from the plan.
    """
    found: dict[int, set[int]] = {}
    turns: dict[str, int] = {}
    planned = 0
    for step in sorted(steps, key=lambda step: step.n):
        origin = turns.get(step.agent) if step.kind == "tools.call" or step.kind == "policy.tool" else planned
        found[step.n] = {p for p in step.parents if p != step.n} or ({origin} if origin else set())
        if step.kind == "llm.turn":
            turns[step.agent] = step.n
        if step.kind.startswith("control."):
            planned = step.n
    return {n: {parent for parent in parents if parent in found} for n, parents in found.items()}


def _layered(steps: Sequence[DrawnStep]) -> list[Node]:
    parents = with_origins(steps)
    depth = _depths(parents)
    return [
        Node(step.n, step.kind, step.agent, step.state, depth[step.n], parents=set(parents[step.n])) for step in steps
    ]


def _depths(parents: dict[int, set[int]]) -> dict[int, int]:
    """The longest way from a beginning; a step may come before its parents in number, so the order is found first."""
    children: dict[int, list[int]] = defaultdict(list)
    left = {n: len(of) for n, of in parents.items()}
    for n, of in parents.items():
        for parent in of:
            children[parent].append(n)
    depth = dict.fromkeys(parents, 0)
    free = [n for n, count in left.items() if not count]
    while free:
        n = free.pop()
        for child in children[n]:
            depth[child] = max(depth[child], depth[n] + 1)
            left[child] -= 1
            if not left[child]:
                free.append(child)
    return depth


def _merged(nodes: Iterable[Node]) -> list[Node]:
    """Alike steps of a layer as one node that counts them."""
    groups: dict[tuple[int, str, str], Node] = {}
    member: dict[int, Node] = {}
    for node in nodes:
        group = groups.setdefault((node.layer, node.kind, node.state), node)
        group.count += group is not node
        member[node.n] = group
        if group is not node:
            group.agent = group.agent if group.agent == node.agent else ""
            group.parents |= node.parents
    for group in groups.values():
        group.parents = {member[parent].n for parent in group.parents if member[parent] is not group}
    return list(groups.values())


def _order(layers: dict[int, list[Node]]) -> None:
    """Each node near the middle of its neighbours in the layer before, then after: few crossings, in a few sweeps."""
    children: dict[int, set[int]] = defaultdict(set)
    for layer in layers.values():
        for node in layer:
            for parent in node.parents:
                children[parent].add(node.n)
    for sweep in range(SWEEPS):
        place = {node.n: row for layer in layers.values() for row, node in enumerate(layer)}
        for number in sorted(layers, reverse=bool(sweep % 2)):
            near = {node.n: children[node.n] if sweep % 2 else node.parents for node in layers[number]}
            layers[number].sort(key=lambda node: (_middle(near[node.n], place, place[node.n]), node.n))
            place |= {node.n: row for row, node in enumerate(layers[number])}


def _middle(neighbours: set[int], place: dict[int, int], own: int) -> float:
    return sum(place[n] for n in neighbours) / len(neighbours) if neighbours else float(own)
