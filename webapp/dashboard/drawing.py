"""Where the nodes and edges of a DAG go: layers from left to right, in an order that keeps edges short. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

NODE_WIDTH, NODE_HEIGHT = 150, 52
WAY_HEIGHT = 8
GAP_X, GAP_Y = 40, 14
MARGIN = 8
SHOWN_NODES = 120  # above this, alike steps of a layer are drawn as one
SHOWN_LAYERS = 40  # above this, neighbouring layers are drawn as one
SWEEPS = 4


class DrawnStep(Protocol):
    n: int
    kind: str
    agent: str
    state: str
    parents: list[int]

    @property
    def is_served(self) -> bool: ...


@dataclass(eq=False)
class Spot:
    """A place in a layer, taken by a node or kept free for an edge on its way to a later layer."""

    layer: int
    x: float = 0
    y: float = 0
    height: float = WAY_HEIGHT

    @property
    def middle_y(self) -> float:
        return self.y + self.height / 2


@dataclass(eq=False)
class Node(Spot):
    """One step, or several alike: `n` is the first of them, `count` how many."""

    height: float = NODE_HEIGHT
    n: int = 0
    kind: str = ""
    agent: str = ""
    state: str = ""
    count: int = 1
    parents: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Edge:
    """From node to node, through a spot of its own in each layer between them, so that it crosses no node."""

    source: Node
    target: Node
    via: tuple[Spot, ...] = ()

    @property
    def path(self) -> str:
        text, x, y = f"M{self.source.x + NODE_WIDTH:g} {self.source.middle_y:g}", self.source.x, self.source.middle_y
        for spot in (*self.via, self.target):
            x += NODE_WIDTH
            bend = (spot.x - x) / 2
            text += f"C{x + bend:g} {y:g} {spot.x - bend:g} {spot.middle_y:g} {spot.x:g} {spot.middle_y:g}"
            x, y = spot.x, spot.middle_y
            text += f"h{NODE_WIDTH}" if spot is not self.target else ""
        return text


@dataclass(frozen=True)
class Drawing:
    nodes: list[Node]
    edges: list[Edge]
    width: float
    height: float


def draw(steps: Sequence[DrawnStep]) -> Drawing:
    """A layout in which no nodes overlap, every edge goes forward and none runs behind a node, whatever the DAG."""
    nodes = _layered(steps)
    depth = max((node.layer for node in nodes), default=0) + 1
    if len(nodes) > SHOWN_NODES or depth > SHOWN_LAYERS:
        nodes = _merged(nodes, depth)
    edges = _routed(nodes)
    layers: dict[int, list[Spot]] = defaultdict(list)
    for spot in dict.fromkeys([*nodes, *(way for edge in edges for way in edge.via)]):
        layers[spot.layer].append(spot)
    _order(layers, edges)
    heights = {layer: sum(spot.height + GAP_Y for spot in spots) - GAP_Y for layer, spots in layers.items()}
    tallest = max(heights.values(), default=NODE_HEIGHT)
    for layer, spots in layers.items():
        y = MARGIN + (tallest - heights[layer]) / 2
        for spot in spots:
            spot.x, spot.y = MARGIN + layer * (NODE_WIDTH + GAP_X), y
            y += spot.height + GAP_Y
    width = 2 * MARGIN + (max(layers, default=0) + 1) * (NODE_WIDTH + GAP_X) - GAP_X
    return Drawing(nodes, edges, width, 2 * MARGIN + tallest)


def with_origins(steps: Sequence[DrawnStep]) -> dict[int, set[int]]:
    """
    Parents by step, and for those that were added while running the step they came from.

    A tool call, and a turn that follows one without, comes from the last turn of its agent before it, an agent's first
    turn from the plan.
    """
    found: dict[int, set[int]] = {}
    turns: dict[str, int] = {}
    planned = 0
    for step in sorted(steps, key=lambda step: step.n):
        origin = turns.get(step.agent, 0 if step.kind in ("tools.call", "policy.tool") else planned)
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
        Node(depth[s.n], n=s.n, kind=s.kind, agent=s.agent, state=_shown(s), parents=set(parents[s.n])) for s in steps
    ]


def _shown(step: DrawnStep) -> str:
    return "served" if step.is_served else step.state


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


def _merged(nodes: Iterable[Node], depth: int) -> list[Node]:
    """Alike steps of a layer as one node that counts them; of a very deep DAG, of several layers together."""
    groups: dict[tuple[int, str, str], Node] = {}
    member: dict[int, Node] = {}
    for node in nodes:
        node.layer = node.layer * SHOWN_LAYERS // depth if depth > SHOWN_LAYERS else node.layer
        group = groups.setdefault((node.layer, node.kind, node.state), node)
        group.count += group is not node
        member[node.n] = group
        if group is not node:
            group.agent = group.agent if group.agent == node.agent else ""
            group.parents |= node.parents
    for group in groups.values():
        before = (member[parent] for parent in group.parents)
        group.parents = {parent.n for parent in before if parent.layer < group.layer}
    return list(groups.values())


def _routed(nodes: Sequence[Node]) -> list[Edge]:
    """All edges out of a node share its spots on the way."""
    known = {node.n: node for node in nodes}
    ways: dict[tuple[int, int], Spot] = {}
    edges = []
    for node in nodes:
        for parent in sorted(node.parents):
            between = range(known[parent].layer + 1, node.layer)
            via = tuple(ways.setdefault((parent, layer), Spot(layer)) for layer in between)
            edges.append(Edge(known[parent], node, via))
    return edges


def _order(layers: dict[int, list[Spot]], edges: Sequence[Edge]) -> None:
    """Each spot near the middle of its neighbours in the layer before, then after: few crossings, in a few sweeps."""
    before: dict[Spot, set[Spot]] = defaultdict(set)
    after: dict[Spot, set[Spot]] = defaultdict(set)
    for edge in edges:
        way = (edge.source, *edge.via, edge.target)
        for a, b in pairwise(way):
            after[a].add(b)
            before[b].add(a)
    place = {spot: float(row) for spots in layers.values() for row, spot in enumerate(spots)}
    for sweep in range(SWEEPS):
        for number in sorted(layers, reverse=bool(sweep % 2)):
            near = after if sweep % 2 else before
            layers[number].sort(key=lambda spot: _middle(near[spot], place, place[spot]))
            place.update((spot, float(row)) for row, spot in enumerate(layers[number]))


def _middle(neighbours: set[Spot], place: dict[Spot, float], own: float) -> float:
    return sum(place[spot] for spot in neighbours) / len(neighbours) if neighbours else own
