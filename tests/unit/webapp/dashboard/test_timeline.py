"""The time line: each attempt where it was, the last to now, and nothing that reaches out of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webapp.dashboard.timeline import SPAN, Mark, Row, runs_of, shortened, time_line

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@dataclass
class Step:
    n: int = 1
    state: str = "done"
    fence: int = 1
    created_at: datetime = BEGAN
    started_at: datetime | None = None
    finished_at: datetime | None = None


def test_every_attempt_has_its_own_time() -> None:
    step = Step(fence=3, started_at=at(6), finished_at=at(8))
    marks = [
        Mark("STEP_STARTED", 1, 1, at(1)),
        Mark("STEP_RETRYING", 1, 1, at(2)),
        Mark("STEP_STARTED", 1, 2, at(3)),
        Mark("STEP_RETRYING", 1, 2, at(5)),
        Mark("STEP_STARTED", 2, 1, at(4)),
        Mark("STEP_STARTED", 1, 3, at(6)),
    ]
    runs = runs_of(step, marks, at(99))
    assert [(run.attempt, run.state, run.began, run.ended) for run in runs] == [
        (1, "given_up", at(1), at(2)),
        (2, "given_up", at(3), at(5)),
        (3, "done", at(6), at(8)),
    ]


def test_what_runs_ends_now_and_what_waits_for_another_attempt_does_not() -> None:
    running = Step(state="running", started_at=at(1))
    waiting = Step(state="waiting", started_at=at(1))
    retried = [Mark("STEP_STARTED", 1, 1, at(1)), Mark("STEP_RETRYING", 1, 1, at(2))]
    frozen_later = [*retried, Mark("STEP_FROZEN", 1, 1, at(5))]
    assert [run.ended for run in runs_of(running, [], at(9))] == [at(9)]
    assert [(run.state, run.ended) for run in runs_of(waiting, frozen_later, at(9))] == [("given_up", at(2))]
    assert [(run.state, run.ended) for run in runs_of(waiting, retried, at(9))] == [("given_up", at(2))]


def test_a_step_that_never_started_only_waited() -> None:
    (row,) = time_line([Step(state="cancelled", finished_at=at(5))], [], began=at(0), ended=at(10), now=at(10))
    assert (row.bars, row.waited_x, row.waited_width, row.ran_s) == ([], 0, 500, None)


def test_steps_stand_in_the_order_in_which_they_started() -> None:
    late, early = Step(1, started_at=at(5), finished_at=at(6)), Step(2, started_at=at(1), finished_at=at(2))
    never = Step(0, state="waiting")
    rows = time_line([never, late, early], [], began=at(0), ended=at(9), now=at(9))
    assert [row.step.n for row in rows] == [2, 1, 0]


@given(st.lists(st.tuples(st.floats(-5, 20), st.floats(-5, 20)), max_size=20), st.floats(0, 10))
def test_nothing_reaches_out_of_the_picture(spans: list[tuple[float, float]], length: float) -> None:
    """Clocks of several processes may disagree a little."""
    steps = [Step(n, started_at=at(a), finished_at=at(max(a, b))) for n, (a, b) in enumerate(spans)]
    for row in time_line(steps, [], began=at(0), ended=at(length), now=at(length)):
        for bar in row.bars:
            assert bar.x >= 0 and bar.width > 0 and bar.x + bar.width <= SPAN + 0.1
        assert row.waited_x >= 0 and 0 <= row.waited_width <= SPAN


def test_a_short_list_keeps_what_matters() -> None:
    rows = [Row(Step(n, state="failed" if n == 8 else "done", fence=1 + (n == 9)), [], 0, 0) for n in range(10)]
    assert [row.step.n for row in shortened(rows, 4)] == [0, 1, 8, 9]
    assert shortened(rows, 10) == rows
