"""The files of a session on its page: one level of them, upload, download, remove."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_GET, require_POST

from webapp.agent_sessions.selectors import find_visible_session
from webapp.agent_tasks.models import Task
from webapp.common.errors import HartleyError, NotFound
from webapp.common.media_types import UNKNOWN
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.pages import action, is_fragment
from webapp.tenants.rules import Principal
from webapp.workspaces import blobs
from webapp.workspaces.errors import PathInvalid
from webapp.workspaces.rules import Entry, folders_of
from webapp.workspaces.selectors import files_of, find_file, level_of, usage_of
from webapp.workspaces.services import ByUser, save_changes

SHOWN = 200


def files_shown(who: Principal, session: UUID, folder: str) -> JSON:
    """What the page shows of them; a folder that is not there is the top."""
    usage = usage_of(who.tenant_id, session)
    folder, entries = _level(who.tenant_id, session, folder) if usage.files else ("", [])
    return {
        "rows": _rows(who.tenant_id, session, entries[:SHOWN]),
        "more": max(0, len(entries) - SHOWN),
        "folder": folder,
        "above": [(path.rpartition("/")[2], path) for path in folders_of(f"{folder}/x")] if folder else [],
        "usage": usage,
        "limit_bytes": settings.WORKSPACE_BYTES,
        "limit_files": settings.WORKSPACE_FILES,
        "keep_s": settings.WORKSPACE_KEEP_S,
        "upload_bytes": settings.BODY_LIMIT_BYTES,
        "may_write": who.may("sessions:write"),
    }


def _level(tenant: UUID, session: UUID, folder: str) -> tuple[str, list[Entry]]:
    try:
        return folder, level_of(tenant, session, folder)
    except (NotFound, PathInvalid):
        return "", level_of(tenant, session, "")


def _rows(tenant: UUID, session: UUID, entries: list[Entry]) -> list[JSON]:
    """Each entry, with the row of a file and what was asked in the task that wrote it."""
    wanted = [entry.path for entry in entries if not entry.is_dir]
    files = {file.path: file for file in files_of(tenant, session).filter(path__in=wanted).select_related("user")}
    tasks = {file.task for file in files.values() if file.task}
    asked: Mapping[UUID | None, str] = (
        dict(Task.objects.filter(tenant_id=tenant, id__in=tasks).values_list("id", "query")) if tasks else {}
    )
    found = [(entry, files.get(entry.path)) for entry in entries]
    return [{"entry": entry, "file": file, "asked": asked.get(file.task) if file else None} for entry, file in found]


@require_GET
@action(scope="sessions:read")
def download(request: HttpRequest, who: Principal, name: UUID, path: str) -> HttpResponse:
    """Bytes that anyone may have made: saved by the browser, never shown in our origin nor put into a page."""
    if is_fragment(request):
        raise NotFound("file")
    try:
        with tenant_scope(who.tenant_id):
            session = find_visible_session(who.tenant_id, who.watches, str(name))
            file = find_file(who.tenant_id, session.id, path)
    except HartleyError as error:
        raise NotFound("file") from error
    (data,) = blobs.read([file])
    response = HttpResponse(data, content_type=UNKNOWN)
    called = quote(file.path.rpartition("/")[2], safe="")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{called}"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@action(scope="sessions:write")
def upload(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    folder = request.POST.get("folder", "")
    begin = f"{folder}/" if folder else ""
    changed = {f"{begin}{_plain(file.name)}": file.read() for file in request.FILES.getlist("files")}
    said = f"{len(changed)} file{'s' if len(changed) != 1 else ''} uploaded." if changed else ""
    return _change(request, who, name, folder, changed=changed, said=said)


def _plain(name: str | None) -> str:
    """With common spaces: some systems put others into the names of screenshots."""
    return " ".join((name or "").split())


@require_POST
@action(scope="sessions:write")
def remove(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    path = request.POST.get("path", "")
    said = f"{path} is removed." if path else ""
    return _change(request, who, name, path.rpartition("/")[0], deleted=[path] if path else [], said=said)


def _change(
    request: HttpRequest,
    who: Principal,
    name: UUID,
    folder: str,
    *,
    changed: Mapping[str, bytes] | None = None,
    deleted: list[str] | None = None,
    said: str,
) -> HttpResponse:
    """Back to the page, which tells what came of it; `said` is empty when no file was named."""
    with tenant_scope(who.tenant_id):
        session = find_visible_session(who.tenant_id, who.watches, str(name))
    try:
        save_changes(
            tenant=who.tenant_id,
            session=session.id,
            by=ByUser(who.user_id),
            changed=changed or {},
            deleted=deleted or [],
        )
    except HartleyError as error:
        if error.status >= 500:
            raise
        messages.error(request, f"Nothing has changed. {error}.")
    else:
        if said:
            messages.success(request, said)
        else:
            messages.warning(request, "Choose a file first.")
    query = f"?{urlencode({'folder': folder})}" if folder else ""
    return HttpResponseRedirect(f"/sessions/{session.id}{query}#files")
