"""Changes a session's files: all of a change or nothing, within the session's limits, the last writer of a file wins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from webapp.agent_tasks.models import Step
from webapp.common.tables import now
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.workspaces import blobs, formers
from webapp.workspaces.errors import FileChanged, NothingToUndo, Overtaken, PathInvalid, PathTaken, WorkspaceFull
from webapp.workspaces.models import File, SavedRun, Workspace
from webapp.workspaces.rules import clean_path, folders_of, media_type
from webapp.workspaces.selectors import Usage, files_of

BATCH = 1000


@dataclass(frozen=True)
class ByUser:
    user: UUID


@dataclass(frozen=True)
class ByStep:
    """
    An attempt of a step.

    Args:
        result: what the step has come to, kept with its changes; see SavedRun.
        undo: what takes the changes back, as NewStep.compensation has it; recorded in the same commit, with what the
            files were before. None: nobody asks for that.
    """

    task: UUID
    step: int
    fence: int
    result: JSON
    undo: JSON | None = None


def read_workspace(tenant: UUID, session: UUID, paths: Collection[str] | None = None) -> dict[str, bytes]:
    """
    The files by path, all or those named that are there. That they are used keeps them from expiring.

    Raises:
        BytesLost
    """
    with tenant_scope(tenant):
        Workspace.objects.filter(tenant_id=tenant, session_id=session).update(used_at=now())
        found = files_of(tenant, session)
        files = list(found if paths is None else found.filter(path__in=paths))
    return dict(zip((file.path for file in files), blobs.read(files), strict=True))


def save_changes(
    *,
    tenant: UUID,
    session: UUID,
    by: ByUser | ByStep,
    changed: Mapping[str, bytes],
    deleted: Iterable[str] = (),
    based_on: Mapping[str, str | None] | None = None,
) -> None:
    """
    Write and remove files. What others did to other files meanwhile stays. A step's changes are saved once.

    Must not be called in a transaction: the bytes are stored before one is opened.

    Args:
        based_on: files by path with their SHA-256, None for one that is not there, which must still be so.
    Raises:
        PathInvalid, PathTaken, FileChanged, WorkspaceFull, UndoFull, Overtaken: nothing has changed.
    """
    files = _cleaned(changed)
    gone = {clean_path(path) for path in deleted} - set(files)
    _check(Usage(), Usage(len(files), sum(map(len, files.values()))))
    kept = blobs.keep(tenant, files.values())
    with tenant_scope(tenant):
        if isinstance(by, ByStep) and not _is_current(tenant, by):
            raise Overtaken("Another attempt has this step")
        before = _locked(tenant, session)
        if isinstance(by, ByStep) and not _is_first(tenant, session, by):
            return
        _check_basis(tenant, session, based_on or {})
        if isinstance(by, ByStep) and by.undo:
            left = {path: blobs.sha256_of(data) for path, data in files.items()} | dict.fromkeys(gone)
            _remember(tenant, session, by, left)
        files_of(tenant, session).filter(path__in=gone).delete()
        stored = ((path, kept[blobs.sha256_of(data)], len(data)) for path, data in files.items())
        _write([_row(tenant, session, by, path, blob, size) for path, blob, size in stored])
        _check_folders(tenant, session)
        _count(tenant, session, before)


def take_back(
    *, tenant: UUID, session: UUID, by: ByStep, told: Callable[[formers.TakenBack], JSON]
) -> formers.TakenBack:
    """
    Give the session's files back what the step that this one undoes has changed, but for what is another's by now.

    Args:
        by: its `result` is what `told` makes of the outcome.
    Raises:
        NothingToUndo, WorkspaceFull, Overtaken: nothing has changed.
    """
    with tenant_scope(tenant):
        if not _is_current(tenant, by):
            raise Overtaken("Another attempt has this step")
        before = _locked(tenant, session)
        undone = _undoes(tenant, by)
        taken = formers.taken_back(tenant, session, by.task, undone)
        if not _is_first(tenant, session, replace(by, result=told(taken))):
            raise Overtaken("It was taken back before")
        files_of(tenant, session).filter(path__in=taken.removed).delete()
        again = ((each.path, each.blob_id, each.size_bytes) for each in taken.former if each.blob_id is not None)
        _write([_row(tenant, session, by, path, blob, size) for path, blob, size in again])
        _count(tenant, session, before)
    return taken


def _undoes(tenant: UUID, by: ByStep) -> int:
    undone = (
        Step.objects.filter(tenant_id=tenant, task_id=by.task, n=by.step).values_list("compensates", flat=True).get()
    )
    if undone is None:
        raise NothingToUndo("This step undoes no other: only a failed task's plan runs it")
    return undone


def _remember(tenant: UUID, session: UUID, by: ByStep, left: Mapping[str, str | None]) -> None:
    """What the files are now, and with it, whatever becomes of the step's worker, how they become so again."""
    formers.remember(tenant, session, by.task, by.step, left)
    step = Step.objects.filter(tenant_id=tenant, task_id=by.task, n=by.step, compensation__isnull=True)
    step.update(compensation=by.undo)


def _cleaned(changed: Mapping[str, bytes]) -> dict[str, bytes]:
    files = {clean_path(path): data for path, data in changed.items()}
    if len(files) < len(changed):
        twice = next(path for path in changed if clean_path(path) != path)
        raise PathInvalid(twice, "is not the same as another in all but its spelling")
    return files


def _is_current(tenant: UUID, by: ByStep) -> bool:
    """Locked, so that no other attempt begins before what this one saves is there to be seen."""
    step = Step.objects.filter(tenant_id=tenant, task_id=by.task, n=by.step, fence=by.fence, state="running")
    return step.select_for_update(no_key=True).values_list("n").first() is not None


def _locked(tenant: UUID, session: UUID) -> Usage:
    """Makes the workspace where there is none; until the commit nobody else changes it."""
    row = Workspace(session_id=session, tenant_id=tenant)
    Workspace.objects.bulk_create([row], update_conflicts=True, unique_fields=["session"], update_fields=["used_at"])
    files, size_bytes = Workspace.objects.values_list("files", "size_bytes").get(session_id=session)
    return Usage(files, size_bytes)


def _is_first(tenant: UUID, session: UUID, by: ByStep) -> bool:
    kept = {"tenant_id": tenant, "workspace_id": session, "result": by.result}
    _, is_new = SavedRun.objects.get_or_create(task=by.task, step=by.step, defaults=kept)
    return is_new


def _row(tenant: UUID, session: UUID, by: ByUser | ByStep, path: str, blob: int, size_bytes: int) -> File:
    author: dict[str, Any] = {"user_id": by.user} if isinstance(by, ByUser) else {"task": by.task, "step": by.step}
    return File(
        tenant_id=tenant,
        workspace_id=session,
        path=path,
        blob_id=blob,
        size_bytes=size_bytes,
        media_type=media_type(path),
        **author,
    )


def _write(rows: list[File]) -> None:
    File.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["workspace", "path"],
        update_fields=["blob", "size_bytes", "media_type", "user", "task", "step", "updated_at"],
    )


def _check_basis(tenant: UUID, session: UUID, based_on: Mapping[str, str | None]) -> None:
    found = files_of(tenant, session).filter(path__in=based_on) if based_on else None
    there = dict(found.values_list("path", "blob__sha256")) if found is not None else {}
    for path, sha256 in based_on.items():
        if there.get(path) != sha256:
            raise FileChanged(path)


def _check_folders(tenant: UUID, session: UUID) -> None:
    """No path is both a file and a folder."""
    paths = set(files_of(tenant, session).values_list("path", flat=True))
    both = paths & {folder for path in paths for folder in folders_of(path)}
    if both:
        raise PathTaken(min(both))


def _count(tenant: UUID, session: UUID, before: Usage) -> None:
    summed = (
        files_of(tenant, session).order_by().aggregate(files=Count("id"), size_bytes=Coalesce(Sum("size_bytes"), 0))
    )
    now_used = Usage(**summed)
    _check(before, now_used)
    Workspace.objects.filter(session_id=session).update(**summed)


def _check(before: Usage, after: Usage) -> None:
    """Over a limit that was lowered one may still remove and shorten."""
    if after.size_bytes > max(settings.WORKSPACE_BYTES, before.size_bytes):
        raise WorkspaceFull(unit="bytes", would=after.size_bytes, limit=settings.WORKSPACE_BYTES)
    if after.files > max(settings.WORKSPACE_FILES, before.files):
        raise WorkspaceFull(unit="files", would=after.files, limit=settings.WORKSPACE_FILES)
