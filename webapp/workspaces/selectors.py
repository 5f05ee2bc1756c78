"""Reads a session's files: rows here, their bytes by `services.read_workspace`."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from webapp.common.errors import NotFound
from webapp.workspaces.errors import IsFolder
from webapp.workspaces.models import File, SavedRun, Workspace
from webapp.workspaces.rules import Entry, clean_path, one_level


@dataclass(frozen=True)
class Usage:
    files: int = 0
    size_bytes: int = 0


def files_of(tenant: UUID, session: UUID) -> QuerySet[File]:
    """By path."""
    return File.objects.filter(tenant_id=tenant, workspace_id=session).select_related("blob").order_by("path")


def usage_of(tenant: UUID, session: UUID) -> Usage:
    found = Workspace.objects.filter(tenant_id=tenant, session_id=session).values_list("files", "size_bytes").first()
    return Usage(*found) if found else Usage()


def level_of(tenant: UUID, session: UUID, folder: str) -> list[Entry]:
    """
    What lies directly in the folder, by name; the empty text is the top, which is there even without files.

    Raises:
        PathInvalid
        NotFound: there is no such folder.
    """
    begin = clean_path(folder) if folder else ""
    files = files_of(tenant, session)
    inside = files.filter(path__startswith=f"{begin}/") if begin else files
    found = one_level(inside.values_list("path", "size_bytes"), begin)
    if begin and not found:
        raise NotFound("folder")
    return found


def find_file(tenant: UUID, session: UUID, path: str) -> File:
    """
    Raises:
        PathInvalid, IsFolder, NotFound
    """
    wanted = clean_path(path)
    files = files_of(tenant, session)
    found = files.filter(path=wanted).first()
    if found:
        return found
    if files.filter(path__startswith=f"{wanted}/").exists():
        raise IsFolder(wanted)
    raise NotFound("file")


def saved_run(tenant: UUID, task: UUID, step: int) -> SavedRun | None:
    return SavedRun.objects.filter(tenant_id=tenant, task=task, step=step).first()
