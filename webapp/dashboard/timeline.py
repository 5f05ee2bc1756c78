"""When each attempt of each step ran, in thousandths of the task's own span. Pure: the instant is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

SHOWN_ROWS = 200
LEAST_WIDTH = 3.0  # an attempt of a millisecond can still be seen
SPAN = 1000.0


class LinedStep(Protocol):
    n: int
    state: str
    fence: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Mark(NamedTuple):
    """An attempt began (STEP_STARTED) or was given up for another (STEP_RETRYING, STEP_FROZEN)."""

    type: str
    step: int
    attempt: int
    at: datetime


@dataclass(frozen=True)
class Run:
    """One attempt. `state` is how it ended: given_up, or the step's own; an attempt that still runs ends now."""

    attempt: int
    state: str
    began: datetime
    ended: datetime


@dataclass(frozen=True)
class Bar:
    run: Run
    x: float
    width: float


@dataclass(frozen=True)
class Row:
    """A step: from `waited_x` it waited until its first attempt, or, never started, to the end."""

    step: LinedStep
    bars: list[Bar]
    waited_x: float
    waited_width: float

    @property
    def ran_s(self) -> float | None:
        """Seconds of work, waits between attempts left out; None when it never ran."""
        spans = [(bar.run.ended - bar.run.began).total_seconds() for bar in self.bars]
        return sum(spans) if spans else None


def runs_of(step: LinedStep, marks: Iterable[Mark], now: datetime) -> list[Run]:
    """All attempts, oldest first. Marks are needed only of steps with an attempt that was given up."""
    if step.started_at is None:
        return []
    mine = sorted((mark for mark in marks if mark.step == step.n), key=lambda mark: mark.at)
    begins = {mark.attempt: mark.at for mark in mine if mark.type == "STEP_STARTED"}
    begins[step.fence] = step.started_at
    given_up: dict[int, datetime] = {}
    for mark in mine:
        if mark.type != "STEP_STARTED":  # what is told first ended it: a retry may find a freeze later
            given_up.setdefault(mark.attempt, mark.at)
    runs = []
    for attempt, began in sorted(begins.items()):
        if attempt in given_up or attempt != step.fence:
            runs.append(Run(attempt, "given_up", began, given_up.get(attempt, began)))
        else:
            runs.append(Run(attempt, step.state, began, step.finished_at or now))
    return runs


def time_line(
    steps: Sequence[LinedStep], marks: Sequence[Mark], *, began: datetime, ended: datetime, now: datetime
) -> list[Row]:
    """A row per step, those that started first on top; what never started comes last."""
    span_s = max((ended - began).total_seconds(), 0.001)

    def place(at: datetime) -> float:
        return round(min(max((at - began).total_seconds() / span_s, 0.0), 1.0) * SPAN, 1)

    def bar(run: Run) -> Bar:
        x = min(place(run.began), SPAN - LEAST_WIDTH)
        return Bar(run, x, max(LEAST_WIDTH, round(place(run.ended) - x, 1)))

    rows = []
    for step in steps:
        bars = [bar(run) for run in runs_of(step, marks, now)]
        waited = place(step.created_at)
        until = bars[0].x if bars else place(step.finished_at or ended)
        rows.append(Row(step, bars, waited, max(0.0, round(until - waited, 1))))
    return sorted(rows, key=lambda row: (row.bars[0].run.began if row.bars else ended, row.step.n))


def shortened(rows: Sequence[Row], limit: int = SHOWN_ROWS) -> list[Row]:
    """At most `limit` rows, in their order: what failed, runs or was tried again before anything else."""
    if len(rows) <= limit:
        return list(rows)
    first = sorted(range(len(rows)), key=lambda at: (not _matters(rows[at].step), at))
    return [rows[at] for at in sorted(first[:limit])]


def _matters(step: LinedStep) -> bool:
    return step.state in ("failed", "running") or step.fence > 1
