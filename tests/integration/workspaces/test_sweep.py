"""What nobody uses any more goes in time, rows and bytes; what someone uses stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.core.files.storage import storages
from django.db import connections
from django.utils import timezone

from tests.integration.workspaces.conftest import Desk
from tests.support.cast import Cast, Person
from tests.support.farm import eventually
from tests.support.services import ROOT, Services
from webapp.agent_sessions.models import Session
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.workspaces.models import Workspace
from webapp.workspaces.selectors import Usage
from webapp.workspaces.sweep import sweep

LONG_AGO = timedelta(days=2)


def used(desk: Desk, ago: timedelta) -> None:
    with tenant_scope(desk.tenant):
        Workspace.objects.filter(session_id=desk.session).update(used_at=timezone.now() - ago)


def test_files_that_nobody_uses_expire_with_their_bytes(desk: Desk, desk_of: Any, people: Cast) -> None:
    other = desk_of(people.user)
    desk.save({"a": b"ours alone", "b": b"shared"})
    other.save({"c": b"shared"})
    used(desk, LONG_AGO)
    sweep(grace_s=0)
    assert desk.read() == {} and desk.usage() == Usage()
    assert other.read() == {"c": b"shared"}, "the same bytes, which another session still has"
    assert [path.read_bytes() for path in desk.on_disk()] == [b"shared"]


def test_a_use_counts_and_so_do_the_sessions_tasks(desk: Desk, people: Cast, desk_of: Callable[[Person], Desk]) -> None:
    used_again = desk_of(people.owner)
    for each in (desk, used_again):
        each.save({"a": b"1"})
        used(each, LONG_AGO)
    with tenant_scope(desk.tenant):
        name = Session.objects.values_list("external_id", flat=True).get(id=desk.session)
    task = submit_task(principal=people.owner.principal, submission=Submission(query="x", session=name))
    assert task.session_id == desk.session
    used_again.read()
    sweep(grace_s=0)
    assert desk.usage() == used_again.usage() == Usage(1, 1), "a task is open; a run has read"
    for ago, left in ((timedelta(hours=1), Usage(1, 1)), (LONG_AGO, Usage())):
        with tenant_scope(desk.tenant):
            Task.objects.filter(id=task.id).update(state="completed", finished_at=timezone.now() - ago)
        sweep(grace_s=0)
        assert desk.usage() == left


def test_the_files_of_a_deleted_session_go_at_once(desk: Desk) -> None:
    desk.save({"a": b"1"})
    with tenant_scope(desk.tenant):
        Session.objects.filter(id=desk.session).update(deleted_at=timezone.now())
    sweep(grace_s=0)
    assert desk.usage() == Usage() and desk.on_disk() == [] and desk.blobs() == []


def test_replaced_and_refused_bytes_go_and_those_in_use_stay(desk: Desk, settings: Any) -> None:
    desk.save({"a": b"first", "b": b"kept"})
    desk.save({"a": b"second"})
    settings.WORKSPACE_FILES = 2
    with pytest.raises(Exception, match="limit"):
        desk.save({"c": b"refused"})
    sweep()
    assert len(desk.on_disk()) == 4, "a change that is under way has an hour"
    sweep(grace_s=0)
    assert sorted(path.read_bytes() for path in desk.on_disk()) == [b"kept", b"second"]
    assert [blob.check_at for blob in desk.blobs()] == [None, None]
    assert desk.read() == {"a": b"second", "b": b"kept"}


DIES = """
import os, signal, sys
import django
django.setup()
from uuid import UUID
from webapp.workspaces import services
from webapp.workspaces.services import ByUser
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
services._locked = die  # the bytes are stored, the rows are not
tenant, session, user = map(UUID, sys.argv[1:])
services.save_changes(tenant=tenant, session=session, by=ByUser(user), changed={"a": b"half done"})
"""


def test_a_process_that_dies_before_its_commit_leaves_no_file_and_the_sweep_takes_the_bytes(
    desk: Desk, services: Services
) -> None:
    told = [str(desk.tenant), str(desk.session), str(desk.person.user.id)]
    died = subprocess.run(
        [sys.executable, "-c", DIES, *told], env={**os.environ, **services.env}, cwd=ROOT, timeout=60, check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert desk.read() == {} and [path.read_bytes() for path in desk.on_disk()] == [b"half done"]
    sweep(grace_s=0)
    assert desk.on_disk() == [] and desk.blobs() == []


def test_who_wants_bytes_that_are_just_being_removed_stores_them_anew(
    desk: Desk, monkeypatch: Any, services: Services
) -> None:
    desk.save({"a": b"again"})
    desk.save({}, deleted=("a",))
    saved: list[Any] = []
    beside = ThreadPoolExecutor(1)
    real = storages["workspaces"].delete

    def delete(name: str) -> None:
        """While the sweep holds the row, another thread asks for the same bytes."""
        saved.append(beside.submit(_save_in_thread, desk))
        eventually(lambda: _waiting(services))
        real(name)

    monkeypatch.setattr(storages["workspaces"], "delete", delete)
    sweep(grace_s=0)
    saved[0].result(60)
    assert desk.read() == {"a": b"again"}


def _waiting(services: Services) -> int:
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"]) as admin:
        return int(admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0])  # type: ignore[index]


def _save_in_thread(desk: Desk) -> None:
    try:
        desk.save({"a": b"again"})
    finally:
        connections["default"].close()


def test_a_store_that_fails_holds_up_no_other_bytes(desk: Desk, desk_of: Any, people: Cast, monkeypatch: Any) -> None:
    other = desk_of(people.stranger)
    for each in (desk, other):
        each.save({"a": b"1"})
        each.save({}, deleted=("a",))
    real = storages["workspaces"].delete

    def delete(name: str) -> None:
        if name.startswith(str(desk.tenant)):
            raise OSError("away")
        real(name)

    monkeypatch.setattr(storages["workspaces"], "delete", delete)
    sweep(grace_s=0)
    assert other.on_disk() == [] and len(desk.blobs()) == 1
    monkeypatch.undo()
    sweep(grace_s=0)
    assert desk.on_disk() == [] and desk.blobs() == []
