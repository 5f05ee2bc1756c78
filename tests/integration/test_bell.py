"""What is said at the same moment travels in one message, and all of it arrives."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from tests.support.farm import eventually
from webapp.orchestration import dispatch
from webapp.orchestration.bell import Bell
from webapp.orchestration.steps import ReadyStep, StepRef

QUEUE = "bell-test"


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell(gap_s=1.5)
    yield bell
    bell.close()
    dispatch.redis().delete(QUEUE)


def ready(task: UUID) -> ReadyStep:
    return ReadyStep(StepRef(task, 1), QUEUE, 0.0)


def sent() -> list[list[str]]:
    """The tasks that each waiting message names, the oldest first."""
    found = []
    for raw in reversed(dispatch.redis().lrange(QUEUE, 0, -1)):  # type: ignore[arg-type]
        _, named, _ = json.loads(base64.b64decode(json.loads(raw)["body"]))
        found.append([task for task, _ in named["items"]])
    return found


def test_the_first_goes_out_at_once_and_the_others_together(bell: Bell) -> None:
    tasks = [uuid4() for _ in range(20)]
    bell.put((tasks[:1], [ready(tasks[0])]))
    eventually(lambda: len(sent()) == 1)
    for task in tasks[1:]:
        bell.put(([task], [ready(task)]))
    assert sent() == [[str(tasks[0])]]
    eventually(lambda: len(sent()) == 2)
    assert sent()[1] == [str(task) for task in tasks[1:]]


def test_what_waits_is_sent_before_the_process_ends(bell: Bell) -> None:
    tasks = [uuid4() for _ in range(3)]
    for task in tasks:
        bell.put(([task], [ready(task)]))
    bell.close()
    assert {task for message in sent() for task in message} == {str(task) for task in tasks}
