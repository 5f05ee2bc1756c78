"""Admission, driven step by step: limits per tenant and person, turns among people, priorities; nobody is starved."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import connections
from django.test import override_settings

from tests.support.cast import Cast, Person, make_cast
from tests.support.driven import Driven, sweep, turn
from webapp.agent_tasks.models import Priority
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.control import admit_waiting, cancel_task, place_in_line
from webapp.orchestration.steps import Completion, StepRef


@pytest.fixture
def crew() -> Cast:
    """Tenants of which nothing runs yet."""
    return make_cast()


def cancel(run: Driven, person: Person) -> bool:
    return cancel_task(principal=person.principal, task=run.task.id, reason="why")


def locks_within(time: str) -> None:
    """From now on this connection waits no longer for a lock: who would wait for ever fails instead; 0 waits again."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [time])


def states(runs: list[Driven]) -> list[str]:
    return [run.state() for run in runs]


@override_settings(TASKS_PER_USER=2, TASKS_PER_TENANT=3)
def test_a_person_runs_so_many_a_tenant_so_many_and_the_others_wait_their_turn(crew: Cast) -> None:
    mine = [Driven(crew.owner, {"id": "a"}) for _ in range(3)]
    assert states(mine) == ["running", "running", "queued"]
    theirs = [Driven(crew.user, {"id": "a"}) for _ in range(2)]
    assert states(theirs) == ["running", "queued"]
    with tenant_scope(crew.acme.id):
        assert place_in_line(crew.acme.id, theirs[1].task.id) == {"place": 1, "of": 2, "person_full": False}
        assert place_in_line(crew.acme.id, mine[2].task.id) == {"place": 2, "of": 2, "person_full": True}
        assert place_in_line(crew.acme.id, mine[0].task.id) is None
    assert Driven(crew.stranger, {"id": "a"}).state() == "running", "another tenant's line is its own"
    cancel(mine[0], crew.owner)
    assert states([mine[2], theirs[1]]) == ["running", "queued"], "both persons run one: the earlier task goes first"
    assert not turn(claims=[StepRef(theirs[1].task.id, 1)]).claimed
    cancel(mine[1], crew.owner)
    assert theirs[1].state() == "running"


@override_settings(TASKS_PER_USER=10, TASKS_PER_TENANT=1)
def test_priority_goes_before_arrival(crew: Cast) -> None:
    first = Driven(crew.owner, {"id": "a"})
    low = Driven(crew.owner, {"id": "a"}, priority=Priority.LOW)
    normal = Driven(crew.owner, {"id": "a"})
    critical = Driven(crew.user, {"id": "a"}, priority=Priority.CRITICAL)
    order = []
    for ending in (first, critical, normal):
        cancel(ending, crew.owner)
        order.append([run.state() for run in (critical, normal, low)].index("running") if ending is not critical else 1)
    assert states([critical, normal, low]) == ["cancelled", "cancelled", "running"] and order[0] == 0


@override_settings(TASKS_PER_USER=10, TASKS_PER_TENANT=1)
def test_the_end_of_a_task_names_the_tenants_that_wait_and_the_sweep_does_too(crew: Cast) -> None:
    first, second = Driven(crew.owner, {"id": "a"}).planned(), Driven(crew.owner, {"id": "a"})
    run = first
    run.done("a")
    ended = turn(completions=[Completion(run.claim("editor"), output={"text": "x"})])
    assert ended.waiting == {crew.acme.id} and second.state() == "queued"
    assert crew.acme.id in sweep(hint_s=30, lease_s=30, attempts=5).waiting
    (ready,) = admit_waiting([crew.acme.id])
    assert ready.ref == StepRef(second.task.id, 1) and second.state() == "running"


@override_settings(TASKS_PER_USER=10, TASKS_PER_TENANT=1)
def test_a_queued_task_is_cancelled_like_any_other(crew: Cast) -> None:
    Driven(crew.owner, {"id": "a"})
    queued = Driven(crew.owner, {"id": "a"})
    assert cancel(queued, crew.owner) and queued.state() == "cancelled"
    assert queued.types()[-1] == "STREAM_END"


@override_settings(TASKS_PER_USER=10, TASKS_PER_TENANT=1)
def test_admission_passes_by_a_task_that_somebody_is_just_ending(crew: Cast) -> None:
    """Waiting for it would be a deadlock: a cancel holds its task and then asks for the tenant's admission."""
    running, first, second = (Driven(crew.owner, {"id": "a"}) for _ in range(3))
    with psycopg.connect(os.environ["HARTLEY_TEST_ADMIN_URL"]) as other:
        other.execute("SELECT 1 FROM agent_tasks_task WHERE id = %s FOR UPDATE", [first.task.id])
        locks_within("5s")
        cancel(running, crew.owner)
        assert states([first, second]) == ["queued", "queued"], "there was room for one: it is offered again"
        assert admit_waiting([crew.acme.id]) == []
        locks_within("0")
    assert {step.ref.task for step in admit_waiting([crew.acme.id])} == {first.task.id}
