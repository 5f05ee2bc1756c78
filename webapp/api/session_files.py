"""The files of a session over HTTP: listed by level, read, written, removed. See docs/workspaces.md."""

from __future__ import annotations

import base64
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_sessions.models import Session
from webapp.agent_sessions.selectors import find_session, find_visible_session
from webapp.api.presenters import moment
from webapp.api.tasks import caller
from webapp.common.errors import NotFound
from webapp.common.media_types import UNKNOWN
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tenants.rules import Principal
from webapp.workspaces import blobs
from webapp.workspaces.models import File
from webapp.workspaces.rules import is_text
from webapp.workspaces.selectors import find_file, level_of
from webapp.workspaces.services import ByUser, save_changes

BYTES: JSON = {"type": "string", "format": "binary"}


class SessionFiles(APIView):
    """What lies at the top of the session's files, or in the folder `path`: one level, by name."""

    scopes: ClassVar = {"GET": "sessions:read"}
    queries: ClassVar = {"GET": {"path": str}}
    errors_with_success = True

    def get(self, request: Request, session: str) -> Response:
        who = caller(request)
        folder = request.query_params.get("path", "").removesuffix("/")
        with tenant_scope(who.tenant_id):
            found = level_of(who.tenant_id, _session(who, session).id, folder)
        return Response({"success": True, "files": [vars(entry) for entry in found]})


class SessionFile(APIView):
    """One file of the session. PUT takes its bytes as they are, whatever the content type says."""

    scopes: ClassVar = {"GET": "sessions:read", "PUT": "sessions:write", "DELETE": "sessions:write"}
    bodies: ClassVar = {"PUT": BYTES}
    errors_with_success = True

    def get(self, request: Request, session: str, path: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            file = find_file(who.tenant_id, _session(who, session).id, path)
        return Response(_read(file))

    def put(self, request: Request, session: str, path: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            found = _session(who, session)
        save_changes(
            tenant=who.tenant_id, session=found.id, by=ByUser(who.user_id), changed={path: request._request.body}
        )
        with tenant_scope(who.tenant_id):
            return Response({"success": True, "file": _told(find_file(who.tenant_id, found.id, path))})

    def delete(self, request: Request, session: str, path: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            found = _session(who, session)
            file = find_file(who.tenant_id, found.id, path)
        save_changes(tenant=who.tenant_id, session=found.id, by=ByUser(who.user_id), changed={}, deleted=[file.path])
        return Response({"success": True, "message": "Removed"})


def _session(who: Principal, name: str) -> Session:
    """By its id, or by the name that the caller gave it."""
    if "\0" in name:
        raise NotFound("session")
    own = find_session(who.tenant_id, who.user_id, name)
    return own or find_visible_session(who.tenant_id, who.watches, name)


def _read(file: File) -> JSON:
    """
    `{"success": true, "content": "a,b\\n1,2\\n", "content_type": "text/csv", "size_bytes": 8}`; by the type clients know
    whether `content` is the text or base64, so what is no text in UTF-8 has the type of any bytes.
    """
    (data,) = blobs.read([file])
    kind, content = file.media_type, ""
    if is_text(kind):
        try:
            content = data.decode()
        except UnicodeDecodeError:
            kind = UNKNOWN
    if not is_text(kind):
        content = base64.b64encode(data).decode()
    return {"success": True, "content": content, "content_type": kind, "size_bytes": len(data)}


def _told(file: File) -> JSON:
    return {
        "name": file.path.rpartition("/")[2],
        "path": file.path,
        "is_dir": False,
        "size_bytes": file.size_bytes,
        "content_type": file.media_type,
        "sha256": file.blob.sha256,
        "updated_at": moment(file.updated_at),
    }
