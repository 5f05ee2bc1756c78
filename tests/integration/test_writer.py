"""The writer's thread is the worker's life: nothing that a caller does may end it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cast import Cast
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import engine
from webapp.orchestration.steps import Completion, StepRef
from webapp.orchestration.submit import Submission, submit_task
from workers.writer import Writer


@pytest.fixture
def writer() -> Iterator[Writer]:
    """Not started yet."""
    found = Writer(
        worker="w/1",
        queues=["control"],
        lease_s=30,
        hint_s=30,
        free=lambda: 0,
        deliver=lambda _result, _claims: None,
        lost=lambda _attempts: None,
    )
    yield found
    found.stop()


def test_an_answer_that_nobody_waits_for_any_more_does_not_end_the_writer(writer: Writer, cast: Cast) -> None:
    """A cancelled step cancels what it waits for, while the writer writes it."""
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="x", mode="simple"))
    said = engine.turn(worker="w/1", queues=[], take=0, lease_s=30, hint_s=30, claims=[StepRef(task.id, 1)])
    done = Completion(said.claimed[0])
    writer.put(done).cancel()
    writer.start()
    assert "accepted" in writer.put(done).result(timeout=10)
    with tenant_scope(task.tenant_id):
        assert Step.objects.get(task_id=task.id, n=1).state == "done", "what was put is written all the same"


def test_what_the_database_refuses_keeps_nothing_else_from_being_written(writer: Writer, cast: Cast) -> None:
    tasks = [
        submit_task(principal=cast.owner.principal, submission=Submission(query="x", mode="simple")) for _ in range(2)
    ]
    refs = [StepRef(task.id, 1) for task in tasks]
    bad, good = engine.turn(worker="w/1", queues=[], take=0, lease_s=30, hint_s=30, claims=refs).claimed
    refused = writer.put(Completion(bad, status="nonsense"))  # type: ignore[arg-type]
    written = writer.put(Completion(good))
    writer.start()
    assert "not in the table of states" in refused.result(timeout=10)["error"]
    assert written.result(timeout=10) == {"accepted": True}
