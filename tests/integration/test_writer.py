"""The writer's thread is the worker's life: nothing that a caller does may end it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest

from tests.support.cast import Cast
from webapp.common.values import JSON
from webapp.orchestration import engine
from webapp.orchestration.steps import ClaimedStep, Completion, StepRef
from webapp.orchestration.submit import Submission, submit_task
from workers.writer import Entry, Writer


class Written:
    """A writer that is not started yet, and the answers that it delivers."""

    def __init__(self) -> None:
        self.answers: queue.SimpleQueue[tuple[str, JSON]] = queue.SimpleQueue()
        self.writer = Writer(
            worker="w/1",
            queues=["control"],
            lease_s=30,
            hint_s=30,
            free=lambda: 0,
            deliver=lambda _result, _claims, answers: [self.answers.put(answer) for answer in answers],  # type: ignore[arg-type, return-value]
            lost=lambda _attempts: None,
        )

    def next(self) -> tuple[str, JSON]:
        return self.answers.get(timeout=60)


@pytest.fixture
def written() -> Iterator[Written]:
    found = Written()
    yield found
    found.writer.stop()


def claimed(cast: Cast, count: int) -> list[ClaimedStep]:
    submission = Submission(query="x", mode="simple")
    tasks = [submit_task(principal=cast.owner.principal, submission=submission) for _ in range(count)]
    refs = [StepRef(task.id, 1) for task in tasks]
    return engine.turn(worker="w/1", queues=[], take=0, lease_s=30, hint_s=30, claims=refs).claimed


def test_what_is_put_together_is_written_together_and_answered_by_name(written: Written, cast: Cast) -> None:
    first, second = claimed(cast, 2)
    written.writer.put([Entry(Completion(first), "first"), Entry(Completion(second), "second")])
    written.writer.put([Entry(Completion(first), "again")])
    written.writer.start()
    answers = dict(written.next() for _ in range(3))
    assert answers == {"first": {"accepted": True}, "second": {"accepted": True}, "again": {"accepted": True}}


DEEP = reduce(lambda inner, _: [inner], range(900), ["\0"])


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"status": "nonsense"}, "not in the table of states"),
        ({"output": {"a": object()}}, "object is not JSON"),
        ({"output": {"a": DEEP}}, "recursion"),
    ],
    ids=["a state", "no JSON", "deep"],
)
def test_what_can_not_be_written_keeps_nothing_else_from_it(
    odd: dict[str, Any], told: str, written: Written, cast: Cast
) -> None:
    bad, good = claimed(cast, 2)
    written.writer.put([Entry(Completion(bad, **odd), "bad"), Entry(Completion(good), "good")])
    written.writer.start()
    answers = dict(written.next() for _ in range(2))
    assert told in answers["bad"]["error"] and answers["good"] == {"accepted": True}
