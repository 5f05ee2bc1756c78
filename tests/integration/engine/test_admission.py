"""Admission, driven step by step: limits per tenant and person, turns among people, priorities; nobody is starved."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import psycopg
import pytest
from django.db import connections
from django.db.utils import OperationalError
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


@contextmanager
def admitting(tenant: UUID, how: str) -> Iterator[psycopg.Connection]:
    """Another transaction of this tenant that admits, and has not committed by the end of the block."""
    with psycopg.connect(os.environ["HARTLEY_TEST_ADMIN_URL"]) as other:
        other.execute(f"SELECT pg_advisory_xact_lock{how}(hashtextextended('admit ' || %s, 0))", [str(tenant)])
        yield other


def connections_at_most() -> int:
    with connections["default"].cursor() as cursor:
        cursor.execute("SHOW max_connections")
        (most,) = cursor.fetchone()
    return int(most)


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


def test_far_from_its_limits_no_submit_waits_for_anothers_commit(crew: Cast) -> None:
    locks_within("2s")
    far = 3 * connections_at_most()
    with admitting(crew.acme.id, "_shared"):
        with override_settings(TASKS_PER_USER=far, TASKS_PER_TENANT=far):
            assert Driven(crew.owner, {"id": "a"}).state() == "running"
        for near in ({"TASKS_PER_USER": 10, "TASKS_PER_TENANT": far}, {"TASKS_PER_USER": far, "TASKS_PER_TENANT": 10}):
            with override_settings(**near), pytest.raises(OperationalError, match="lock timeout"):
                Driven(crew.owner, {"id": "a"})
    locks_within("0")


def test_who_finds_the_room_gone_when_its_turn_has_come_stays_in_the_line(crew: Cast) -> None:
    """The limits are far when it looks first, and near when it has its lock: others are running by then."""
    limit = connections_at_most() + 3
    with override_settings(TASKS_PER_USER=limit, TASKS_PER_TENANT=limit):
        others = [Driven(crew.owner, {"id": "a"}) for _ in range(3)]
        ids = [run.task.id for run in others]
        with psycopg.connect(os.environ["HARTLEY_TEST_ADMIN_URL"]) as admin:
            admin.execute("UPDATE agent_tasks_task SET state = 'paused' WHERE id = ANY(%s)", [ids])
        with ThreadPoolExecutor(1) as pool:
            with admitting(crew.acme.id, "") as other:
                submitted = pool.submit(in_thread_of_its_own, crew.owner)
                waits(other)
                other.execute("UPDATE agent_tasks_task SET state = 'running' WHERE id = ANY(%s)", [ids])
            late = submitted.result(30)
        assert late.state() == "queued"
        assert crew.acme.id in sweep(hint_s=30, lease_s=30, attempts=5).waiting
        assert {step.ref.task for step in admit_waiting([crew.acme.id])} == {late.task.id}


def in_thread_of_its_own(person: Person) -> Driven:
    try:
        return Driven(person, {"id": "a"})
    finally:
        connections["default"].close()


def waits(other: psycopg.Connection, within_s: float = 30) -> None:
    """Until somebody waits for an advisory lock."""
    deadline = time.monotonic() + within_s
    asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while not (other.execute(asked).fetchone() or (0,))[0]:
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)
