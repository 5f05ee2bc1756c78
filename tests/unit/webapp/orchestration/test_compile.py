"""Plan to canvas: no step is lost, and series-parallel shapes keep exactly their order."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from webapp.orchestration.compile import Canvas, Chain, Group, Node, compile_steps, describe
from webapp.orchestration.steps import NewStep


def step(*after: int) -> NewStep:
    return NewStep("llm.turn", after=after)


def nodes(canvas: Canvas) -> list[int]:
    if isinstance(canvas, Node):
        return [canvas.position]
    parts = canvas.links if isinstance(canvas, Chain) else canvas.members
    return [position for part in parts for position in nodes(part)]


def before(canvas: Canvas) -> set[tuple[int, int]]:
    """Every pair that the canvas puts in order."""
    if isinstance(canvas, Node):
        return set()
    if isinstance(canvas, Group):
        return {pair for member in canvas.members for pair in before(member)}
    pairs = {pair for link in canvas.links for pair in before(link)}
    for i, first in enumerate(canvas.links):
        pairs |= {(a, b) for later in canvas.links[i + 1 :] for a in nodes(first) for b in nodes(later)}
    return pairs


def reach(steps: list[NewStep]) -> set[tuple[int, int]]:
    above: list[set[int]] = []
    for one in steps:
        above.append(set(one.after).union(*(above[parent] for parent in one.after)))
    return {(a, b) for b, parents in enumerate(above) for a in parents}


def test_the_usual_shape_is_a_chord() -> None:
    assert describe(compile_steps([step(), step(0), step(0), step(1, 2)])) == (
        "llm.turn | group(llm.turn, llm.turn) | llm.turn"
    )


def test_a_chain_beside_a_chain_is_a_group_of_chains() -> None:
    canvas = compile_steps([step(), step(), step(0), step(1), step(2, 3)])
    assert before(canvas) == reach([step(), step(), step(0), step(1), step(2, 3)])


def test_a_shape_that_a_canvas_cannot_say_is_written_by_levels() -> None:
    crossed = [step(), step(), step(0, 1), step(1)]
    canvas = compile_steps(crossed)
    assert sorted(nodes(canvas)) == [0, 1, 2, 3] and before(canvas) >= reach(crossed)


@given(
    st.integers(1, 14).flatmap(
        lambda n: st.tuples(*(st.sets(st.integers(0, max(i - 1, 0)), max_size=3) for i in range(n)))
    )
)
def test_every_step_is_in_the_canvas_once_and_after_its_parents(parents: tuple[set[int], ...]) -> None:
    steps = [step(*sorted(p for p in after if p < i)) for i, after in enumerate(parents)]
    canvas = compile_steps(steps)
    assert sorted(nodes(canvas)) == list(range(len(steps)))
    assert before(canvas) >= reach(steps)


def test_ten_thousand_dags_are_in_their_canvas_once_and_in_order() -> None:
    pick = Random(1)
    for count in [pick.randint(1, 16) for _ in range(9_990)] + [pick.randint(100, 300) for _ in range(10)]:
        dense = pick.randint(1, 4)
        steps = [step(*pick.sample(range(i), min(i, pick.randint(0, dense)))) for i in range(count)]
        canvas = compile_steps(steps)
        assert sorted(nodes(canvas)) == list(range(count))
        assert before(canvas) >= reach(steps)


def test_the_largest_plans_deep_and_wide_keep_their_shape() -> None:
    chain = compile_steps([step(*([i - 1] if i else [])) for i in range(1000)])
    assert isinstance(chain, Chain) and len(chain.links) == 1000
    fan = compile_steps([step(), *(step(0) for _ in range(998)), step(*range(1, 999))])
    assert isinstance(fan, Chain) and isinstance(fan.links[1], Group) and len(fan.links[1].members) == 998


@st.composite
def series_parallel(draw: st.DrawFn, depth: int = 3) -> list[set[int]]:
    """Parents of a shape put together by following and by running side by side only, from one source to one sink."""
    if depth == 0 or draw(st.booleans()):
        return [set()]
    if draw(st.booleans()):
        first, second = draw(series_parallel(depth - 1)), draw(series_parallel(depth - 1))
        moved = [{p + len(first) for p in parents} or {len(first) - 1} for parents in second]
        return first + moved
    parts: list[set[int]] = [set()]
    ends = []
    for _ in range(draw(st.integers(2, 3))):
        inner, base = draw(series_parallel(depth - 1)), len(parts)
        parts += [{p + base for p in parents} or {0} for parents in inner]
        ends.append(len(parts) - 1)
    return [*parts, set(ends)]


@given(series_parallel())
def test_series_parallel_shapes_get_no_barrier_that_their_edges_do_not_ask_for(parents: list[set[int]]) -> None:
    steps = [step(*sorted(after)) for after in parents]
    assert before(compile_steps(steps)) == reach(steps)
