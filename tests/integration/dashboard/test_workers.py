"""Workers and queues: steps by queue, who holds what and for how long; the platform's figures for its operators only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.cast import Cast, make_cast, operate_platform
from tests.support.pages import at_most, signed_in
from webapp.agent_tasks.models import Step, Task
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import dispatch
from webapp.orchestration.submit import Submission, submit_task


@pytest.fixture(scope="module")
def cast() -> Cast:
    cast = make_cast()
    operate_platform(cast.acme)
    return cast


@pytest.fixture(scope="module")
def task(cast: Cast) -> Task:
    return submit_task(principal=cast.owner.principal, submission=Submission(query="Who holds it?"))


def held(task: Task, *, lease: float) -> None:
    at = datetime.now(UTC)
    with tenant_scope(task.tenant_id):
        Step.objects.filter(task=task, n=1).update(
            state="running", worker="llm@here", fence=2, due=at + timedelta(seconds=lease), started_at=at
        )


@pytest.mark.parametrize(
    ("lease", "said"), [(100, '<td class="nowrap">in '), (3, '<span class="badge wait">in '), (-5, "overdue")]
)
def test_who_holds_a_step_and_when_the_lease_ends(lease: float, said: str, cast: Cast, task: Task) -> None:
    held(task, lease=lease)
    client = signed_in(cast.owner)
    with at_most(12):
        page = client.get("/workers").content.decode()
    assert "llm@here" in page and f"/tasks/{task.id}?step=1" in page and said in page


def signed_in_page(cast: Cast, name: str) -> str:
    return signed_in(getattr(cast, name)).get("/workers").content.decode()


def test_what_is_held_of_others_is_hidden(cast: Cast, task: Task) -> None:
    held(task, lease=100)
    assert str(task.id) in signed_in_page(cast, "operator")
    for name in ("user", "stranger"):
        assert str(task.id) not in signed_in_page(cast, name), name


def test_the_part_that_changes_can_be_fetched_alone(cast: Cast) -> None:
    part = signed_in(cast.owner).get("/workers", headers={"HX-Request": "true"}).content.decode()
    assert "Steps of this tenant" in part and "<html" not in part and "/workers/pulse" not in part


def test_the_platforms_queues_are_for_its_operators(cast: Cast) -> None:
    assert "/workers/pulse" in signed_in_page(cast, "operator")
    for name in ("user", "stranger"):
        assert "/workers/pulse" not in signed_in_page(cast, name), name
        assert signed_in(getattr(cast, name)).get("/workers/pulse").status_code == 403


def test_a_queue_without_a_worker_is_named_with_what_waits_on_it(cast: Cast, settings: object) -> None:
    settings.PROBE_TIMEOUT_S = 0.2  # type: ignore[attr-defined]  # no worker runs here
    waiting = dispatch.queue_lengths()
    part = signed_in(cast.operator).get("/workers/pulse").content.decode()
    assert part.count("no answer in 200 ms") == 4
    assert f"{waiting['tools']:,}" in part and "<html" not in part
