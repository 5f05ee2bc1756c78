"""Files are saved all or none, within the session's limits, whoever writes at once; another tenant has none of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.db import ProgrammingError, connections

from tests.integration.workspaces.conftest import Desk
from tests.support.cast import Cast
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.workspaces.blobs import sha256_of
from webapp.workspaces.errors import (
    BytesLost,
    FileChanged,
    IsFolder,
    PathInvalid,
    PathTaken,
    StoreUnavailable,
    WorkspaceFull,
)
from webapp.workspaces.models import Blob, File
from webapp.workspaces.selectors import Usage, find_file, level_of
from webapp.workspaces.services import ByUser, read_workspace, save_changes


def at_once(*work: Callable[[], object]) -> list[BaseException | None]:
    """Each in a thread with a connection of its own; what each raised."""

    def run(one: Callable[[], object]) -> BaseException | None:
        try:
            one()
            return None
        except Exception as error:
            return error
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_files_are_written_replaced_and_removed(desk: Desk) -> None:
    desk.save({"a.txt": b"one", "sub/b.bin": bytes(range(256))})
    desk.save({"a.txt": b"two!", "c.md": b""}, deleted=("sub/b.bin", "never.there"))
    assert desk.read() == {"a.txt": b"two!", "c.md": b""}
    assert read_workspace(desk.tenant, desk.session, ["c.md", "x"]) == {"c.md": b""}
    assert desk.usage() == Usage(2, 4)
    with tenant_scope(desk.tenant):
        row = find_file(desk.tenant, desk.session, "a.txt")
    assert (row.user_id, row.media_type, row.blob.size_bytes) == (desk.person.user.id, "text/plain", 4)


def test_a_path_is_a_file_or_a_folder_and_not_both(desk: Desk) -> None:
    desk.save({"a/b.txt": b"1"})
    for clash in ("a", "a/b.txt/c"):
        with pytest.raises(PathTaken):
            desk.save({clash: b"2", "other.txt": b"3"})
    assert desk.read() == {"a/b.txt": b"1"}
    desk.save({"a": b"2"}, deleted=("a/b.txt",))
    assert desk.read() == {"a": b"2"}
    with tenant_scope(desk.tenant), pytest.raises(NotFound):
        level_of(desk.tenant, desk.session, "a")


def test_a_folder_is_not_a_file_and_nothing_is_not_there(desk: Desk) -> None:
    desk.save({"a/b.txt": b"1"})
    with tenant_scope(desk.tenant):
        with pytest.raises(IsFolder):
            find_file(desk.tenant, desk.session, "a")
        with pytest.raises(NotFound):
            find_file(desk.tenant, desk.session, "a/c.txt")
        with pytest.raises(PathInvalid):
            find_file(desk.tenant, desk.session, "a/../a/b.txt")


@pytest.mark.parametrize("path", ["../x", "/etc/cron.d/x", "a/../../x", "a\nb", "\u202etxt.exe"])
def test_no_name_leads_elsewhere_and_nothing_is_stored_under_it(desk: Desk, path: str) -> None:
    with pytest.raises(PathInvalid):
        desk.save({path: b"x", "fine.txt": b"y"})
    assert desk.read() == {} and desk.blobs() == [] and desk.on_disk() == []


def test_two_spellings_of_one_name_are_refused_together(desk: Desk) -> None:
    with pytest.raises(PathInvalid, match="spelling"):
        desk.save({"\u00e9": b"1", "e\u0301": b"2"})


def test_the_same_bytes_are_stored_once_in_a_tenant(desk: Desk, desk_of: Any, people: Cast) -> None:
    desk.save({"a": b"same", "b": b"same"})
    desk_of(people.user).save({"c": b"same"})
    assert len(desk.blobs()) == 1 and [path.read_bytes() for path in desk.on_disk()] == [b"same"]


def test_a_strangers_bytes_are_stored_apart_and_unknown_to_them(desk: Desk, desk_of: Any, people: Cast) -> None:
    theirs = desk_of(people.stranger)
    desk.save({"a": b"same"})
    theirs.save({"a": b"same"})
    assert len(desk.on_disk()) == len(theirs.on_disk()) == 1, "each has a copy: nobody learns what others have"
    (ours,) = desk.blobs()
    with tenant_scope(people.globex.id):
        assert not File.objects.filter(workspace_id=desk.session).exists()
        assert not Blob.objects.filter(id=ours.pk).exists()
    assert read_workspace(people.globex.id, desk.session) == {}
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(people.globex.id):
        Blob.objects.create(tenant_id=people.acme.id, sha256="0" * 64, size_bytes=0)


def test_over_a_limit_nothing_is_saved_and_the_limit_is_named(desk: Desk, settings: Any) -> None:
    settings.WORKSPACE_BYTES, settings.WORKSPACE_FILES = 1000, 3
    desk.save({"a": b"x" * 600})
    with pytest.raises(WorkspaceFull, match="1,100 bytes .* limit is 1,000 bytes"):
        desk.save({"b": b"y" * 500, "c": b""})
    with pytest.raises(WorkspaceFull, match="4 files .* limit is 3 files"):
        desk.save({"b": b"", "c": b"", "d": b""})
    stored = len(desk.on_disk())
    with pytest.raises(WorkspaceFull):
        desk.save({"b": b"z" * 1001})
    assert len(desk.on_disk()) == stored, "what alone is too much is not even stored"
    assert desk.usage() == Usage(1, 600)
    desk.save({"a": b"x" * 1000})


def test_over_a_limit_that_was_lowered_one_may_still_remove(desk: Desk, settings: Any) -> None:
    desk.save({"a": b"x" * 600, "b": b"y" * 600})
    settings.WORKSPACE_BYTES = 500
    with pytest.raises(WorkspaceFull):
        desk.save({"c": b"1"})
    desk.save({}, deleted=("a",))
    assert desk.usage() == Usage(1, 600)


def test_many_at_once_cannot_overshoot(desk: Desk, settings: Any) -> None:
    settings.WORKSPACE_BYTES = 1000
    raised = at_once(*(lambda n=n: desk.save({f"{n}.bin": bytes([n]) * 300}) for n in range(8)))
    assert desk.usage() == Usage(3, 900)
    assert sum(isinstance(error, WorkspaceFull) for error in raised) == 5 and raised.count(None) == 3


def test_different_files_of_two_runs_at_once_are_all_kept(desk: Desk) -> None:
    def run(name: str) -> None:
        for n in range(5):
            desk.save({f"{name}/{n}": name.encode(), "both": name.encode()})

    assert at_once(lambda: run("left"), lambda: run("right")) == [None, None]
    files = desk.read()
    assert files.pop("both") in (b"left", b"right")
    assert files == {f"{name}/{n}": name.encode() for name in ("left", "right") for n in range(5)}


@pytest.mark.parametrize(
    ("based_on", "path"),
    [({"a": sha256_of(b"0")}, "a"), ({"a": None}, "a"), ({"a": sha256_of(b"1"), "b": sha256_of(b"")}, "b")],
)
def test_a_change_of_a_file_that_is_another_by_now_saves_nothing(
    desk: Desk, based_on: dict[str, str | None], path: str
) -> None:
    desk.save({"a": b"1"})
    with pytest.raises(FileChanged, match=f"'{path}' was changed"):
        save(desk, {"a": b"2", "c": b"3"}, based_on)
    assert desk.read() == {"a": b"1"}
    save(desk, {"a": b"2", "b": b""}, {"a": sha256_of(b"1"), "b": None})
    assert desk.read() == {"a": b"2", "b": b""}


def test_of_changes_at_once_with_one_basis_one_is_saved(desk: Desk) -> None:
    desk.save({"a": b""})
    basis: dict[str, str | None] = {"a": sha256_of(b"")}
    raised = at_once(*(lambda n=n: save(desk, {"a": b"x" * n}, basis) for n in range(1, 7)))  # type: ignore[misc]
    assert sum(error is None for error in raised) == 1
    assert all(isinstance(error, FileChanged) for error in raised if error)


def save(desk: Desk, changed: dict[str, bytes], based_on: dict[str, str | None]) -> None:
    by = ByUser(desk.person.user.id)
    save_changes(tenant=desk.tenant, session=desk.session, by=by, changed=changed, based_on=based_on)


def test_bytes_that_are_lost_or_changed_are_an_error_and_not_other_bytes(desk: Desk) -> None:
    desk.save({"a": b"right"})
    (place,) = desk.on_disk()
    place.write_bytes(b"wrong")
    with pytest.raises(BytesLost, match="'a'"):
        desk.read()
    place.unlink()
    with pytest.raises(BytesLost):
        desk.read()


def test_a_store_that_fails_is_the_platforms_fault_and_leaves_files_as_they_were(desk: Desk, monkeypatch: Any) -> None:
    def fail(*_args: Any) -> None:
        raise OSError("no space left")

    desk.save({"a": b"1"})
    monkeypatch.setattr(storages["workspaces"], "_save", fail)
    with pytest.raises(StoreUnavailable) as raised:
        desk.save({"a": b"2", "b": b"3"})
    assert raised.value.kind == "resource", "a step is tried again"
    assert desk.read() == {"a": b"1"} and desk.usage() == Usage(1, 1)
    monkeypatch.undo()
    desk.save({"a": b"2"})
    assert desk.read() == {"a": b"2"}


def test_a_session_without_files_has_none(desk: Desk) -> None:
    assert desk.read() == {} and desk.usage() == Usage()
    assert read_workspace(desk.tenant, uuid4()) == {}


def test_as_many_files_as_there_may_be_are_saved_and_listed_by_level(desk: Desk, settings: Any) -> None:
    settings.WORKSPACE_FILES = 2_000
    desk.save({f"{n // 100}/{n}.txt": b"%d" % (n % 7) for n in range(2_000)})
    assert desk.usage().files == 2_000 and len(desk.blobs()) == 7
    with tenant_scope(desk.tenant):
        assert len(level_of(desk.tenant, desk.session, "")) == 20
        assert len(level_of(desk.tenant, desk.session, "5")) == 100
    with pytest.raises(WorkspaceFull):
        desk.save({"one.more": b""})
