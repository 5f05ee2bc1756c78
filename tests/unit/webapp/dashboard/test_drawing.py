"""The drawing of any DAG: nothing overlaps, edges go forward, every step is there."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.dashboard.drawing import (
    NODE_HEIGHT,
    NODE_WIDTH,
    SHOWN_LAYERS,
    SHOWN_NODES,
    Drawing,
    draw,
    with_origins,
)

KINDS = ["llm.turn", "tools.call", "policy.tool"]


@dataclass
class Step:
    n: int
    kind: str = "llm.turn"
    agent: str = ""
    state: str = "done"
    parents: list[int] = field(default_factory=list)
    is_served: bool = False


@st.composite
def dags(draw_value: st.DrawFn, most: int = 40) -> list[Step]:
    """Steps in any numbering: a parent may have a higher number than its child."""
    size = draw_value(st.integers(1, most))
    names = draw_value(st.permutations(range(1, size + 1)))
    kinds = st.sampled_from(["llm.turn", "tools.call", "control.plan", "policy.admit"])
    steps = []
    for at, name in enumerate(names):
        parents = draw_value(st.lists(st.sampled_from(names[:at]), unique=True, max_size=4)) if at else []
        steps.append(Step(name, draw_value(kinds), draw_value(st.sampled_from(["", "a1", "a2"])), parents=parents))
    return sorted(steps, key=lambda step: step.n)


def parents_only(steps: list[Step]) -> list[Step]:
    """Without inferred origins, which may close a circle in a DAG that no engine would make."""
    return [Step(step.n, "policy.admit", step.agent, step.state, step.parents) for step in steps]


def check(found: Drawing) -> None:
    boxes = [(node.x, node.y) for node in found.nodes]
    for at, (x, y) in enumerate(boxes):
        assert 0 <= x <= found.width - NODE_WIDTH and 0 <= y <= found.height - NODE_HEIGHT
        for other_x, other_y in boxes[at + 1 :]:
            assert abs(x - other_x) >= NODE_WIDTH or abs(y - other_y) >= NODE_HEIGHT
    for edge in found.edges:
        way = [edge.source, *edge.via, edge.target]
        assert all(a.x + NODE_WIDTH < b.x for a, b in itertools.pairwise(way)), "forward, a layer at a time"
        for spot in edge.via:
            assert not any(x == spot.x and y <= spot.middle_y <= y + NODE_HEIGHT for x, y in boxes), "behind no node"


@given(dags())
def test_nodes_do_not_overlap_and_edges_go_forward_beside_the_nodes(steps: list[Step]) -> None:
    found = draw(parents_only(steps))
    check(found)
    assert sum(node.count for node in found.nodes) == len(steps)
    if len(found.nodes) == len(steps):
        assert {(edge.source.n, edge.target.n) for edge in found.edges} == {(p, s.n) for s in steps for p in s.parents}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 3, 30, 999]))
def test_any_thousand_steps_are_drawn_fast_and_on_a_page_that_can_be_read(seed: int, reach: int) -> None:
    """`reach` is how far back a parent may be: 1 is one long chain."""
    pick = random.Random(seed)
    steps = [
        Step(n, pick.choice(KINDS), state=pick.choice(["done", "running", "failed"]))
        if n == 1
        else Step(n, pick.choice(KINDS), parents=sorted({pick.randint(max(1, n - reach), n - 1) for _ in range(2)}))
        for n in range(1, 1001)
    ]
    began = time.process_time()
    found = draw(parents_only(steps))
    assert time.process_time() - began < 1.0
    check(found)
    assert sum(node.count for node in found.nodes) == 1000
    assert max(node.layer for node in found.nodes) < SHOWN_LAYERS and len(found.nodes) <= 3 * SHOWN_NODES


def test_a_thousand_steps_are_drawn_as_a_few_that_count_them() -> None:
    wide = [
        Step(1, "control.plan"),
        *(Step(n, parents=[1], state="running" if n % 2 else "done") for n in range(2, 1000)),
    ]
    found = draw([*wide, Step(1000, "llm.synthesise", parents=[step.n for step in wide[1:]])])
    assert len(found.nodes) == 4 < SHOWN_NODES
    assert sum(node.count for node in found.nodes) == 1000
    assert len(found.edges) == 4


def test_edges_that_need_not_cross_do_not() -> None:
    """Two agents whose chains are added in turns, as they run: each stays in its own row."""
    steps = [Step(1, "control.plan"), Step(2, agent="a1", parents=[1]), Step(3, agent="a2", parents=[1])]
    steps += [Step(4, agent="a2", parents=[3]), Step(5, agent="a1", parents=[2])]
    steps += [Step(6, agent="a2", parents=[4]), Step(7, agent="a1", parents=[5])]
    found = {node.n: node for node in draw(steps).nodes}
    assert len({found[n].y for n in (2, 5, 7)}) == len({found[n].y for n in (3, 4, 6)}) == 1


def test_what_was_added_while_running_hangs_on_where_it_came_from() -> None:
    steps = [
        Step(1, "control.plan"),
        Step(2, "llm.turn", "a1"),
        Step(3, "llm.turn", "a2"),
        Step(4, "tools.call", "a1"),
        Step(5, "llm.turn", "a1", parents=[4]),
        Step(6, "tools.call", "a2"),
        Step(7, "llm.turn", "a1"),
    ]
    assert with_origins(steps) == {1: set(), 2: {1}, 3: {1}, 4: {2}, 5: {4}, 6: {3}, 7: {5}}


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw([]).nodes == []
