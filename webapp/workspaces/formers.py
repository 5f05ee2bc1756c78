"""What files were before steps changed them: written down with a change, and looked up when it is taken back.

For services.py, in its transaction, with the workspace locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Coalesce

from webapp.workspaces.errors import NothingToUndo, UndoFull
from webapp.workspaces.models import Former
from webapp.workspaces.rules import folders_of
from webapp.workspaces.selectors import files_of

BATCH = 1000
CHANGED = "it was changed since"
BLOCKED = "something else lies in its way"


@dataclass
class TakenBack:
    """
    What becomes of the paths that a step had changed.

    Attributes:
        step: which it was.
        former: of those that are again what they were.
        removed: were not there before.
        later: a later step of the same task has changed them too; they go back with that one.
        left: stay as they are, with the reason.
    """

    step: int
    former: list[Former] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    later: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def remember(tenant: UUID, session: UUID, task: UUID, step: int, left: Mapping[str, str | None]) -> None:
    """
    Args:
        left: the SHA-256 of what the step is about to leave at each path; None where it removes the file.
    Raises:
        UndoFull
    """
    there = {file.path: file for file in files_of(tenant, session).filter(path__in=left)}
    rows = []
    for path, sha256 in left.items():
        file = there.get(path)
        if (file.blob.sha256 if file else None) == sha256:
            continue
        of = {"tenant_id": tenant, "workspace_id": session, "task": task, "step": step}
        kept = {"blob_id": file.blob_id, "size_bytes": file.size_bytes} if file else {}
        rows.append(Former(**of, path=path, left_sha256=sha256, **kept))
    Former.objects.bulk_create(rows, batch_size=BATCH)
    _check(tenant, session)


def taken_back(tenant: UUID, session: UUID, task: UUID, step: int) -> TakenBack:
    """
    What is to become of the files; they are the caller's to write. What was kept for it is forgotten.

    A change that was made over it, and is kept too, now begins where this one began: whichever of them is taken back
    first, the file ends as it was before both.

    Raises:
        NothingToUndo
    """
    mine = list(_kept(tenant, session).filter(task=task, step=step))
    if not mine:
        raise NothingToUndo(f"Step {step} has changed no file that is still kept")
    files = dict(files_of(tenant, session).values_list("path", "blob__sha256"))
    over = _over(tenant, session, mine)
    taken = TakenBack(step)
    back = []
    for former in mine:
        after = over.get(former.path)
        if after:
            Former.objects.filter(id=after.pk).update(blob=former.blob_id, size_bytes=former.size_bytes)
            if after.task == task:
                taken.later.append(former.path)
            else:
                taken.left[former.path] = CHANGED
        elif files.get(former.path) != former.left_sha256:
            taken.left[former.path] = CHANGED
        elif former.blob_id is None:
            taken.removed.append(former.path)
        else:
            back.append(former)
    _place(taken, back, set(files).difference(taken.removed))
    Former.objects.filter(id__in=[former.pk for former in mine]).delete()
    return taken


def _kept(tenant: UUID, session: UUID) -> QuerySet[Former]:
    return Former.objects.filter(tenant_id=tenant, workspace_id=session).select_related("blob").order_by("id")


def _over(tenant: UUID, session: UUID, mine: Iterable[Former]) -> dict[str, Former]:
    """By path: the change that was made next, where it was made on what this one had left."""
    own = {former.path: former for former in mine}
    later: dict[str, Former] = {}
    for other in _kept(tenant, session).filter(path__in=own, id__gt=min(former.pk for former in own.values())):
        if other.pk > own[other.path].pk:
            later.setdefault(other.path, other)
    return {path: other for path, other in later.items() if _sha256(other) == own[path].left_sha256}


def _sha256(former: Former) -> str | None:
    return former.blob.sha256 if former.blob else None


def _place(taken: TakenBack, back: Iterable[Former], files: set[str]) -> None:
    """No path is both a file and a folder: what somebody else has put there stays."""
    folders = {folder for path in files for folder in folders_of(path)}
    for former in back:
        above = folders_of(former.path)
        if former.path in folders or not files.isdisjoint(above):
            taken.left[former.path] = BLOCKED
            continue
        taken.former.append(former)
        files.add(former.path)
        folders.update(above)


def _check(tenant: UUID, session: UUID) -> None:
    """What is kept counts for nothing else, so it is bounded as the files themselves are."""
    summed = _kept(tenant, session).order_by().aggregate(files=Count("id"), size_bytes=Coalesce(Sum("size_bytes"), 0))
    if summed["size_bytes"] > settings.WORKSPACE_BYTES:
        raise UndoFull(unit="bytes", would=summed["size_bytes"], limit=settings.WORKSPACE_BYTES)
    if summed["files"] > settings.WORKSPACE_FILES:
        raise UndoFull(unit="files", would=summed["files"], limit=settings.WORKSPACE_FILES)
