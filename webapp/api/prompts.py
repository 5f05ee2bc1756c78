"""Prompt templates over HTTP: read, save a version, put an earlier one in force. The same roles may as with policies."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.bodies import object_in
from webapp.api.idempotency import idempotent
from webapp.api.presenters import moment
from webapp.api.tasks import caller
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.prompts import selectors
from webapp.prompts.models import PromptTemplate
from webapp.prompts.release import sha256
from webapp.prompts.rules import KINDS, NOTE_CHARS, SHIPPED, parameters
from webapp.prompts.services import put_in_force, save_version
from webapp.tenants.models import User

PROMPT: JSON = {
    "type": "object",
    "required": ["name", "text"],
    "properties": {
        "name": {"enum": list(KINDS)},
        "text": {"type": "string", "minLength": 1, "maxLength": settings.PROMPT_CHARS},
        "note": {"type": "string", "maxLength": NOTE_CHARS},
    },
}
IN_FORCE: JSON = {
    "type": "object",
    "required": ["version"],
    "properties": {"version": {"oneOf": [{"type": "integer", "minimum": 1}, {"enum": [SHIPPED]}]}},
}


class Prompts(APIView):
    """Every template as new tasks get it; save a version, which is in force for tasks submitted from then on."""

    scopes: ClassVar = {"GET": "policies:read", "POST": "policies:write"}
    bodies: ClassVar = {"POST": PROMPT}

    def get(self, request: Request) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            rows = [_current(each) for each in selectors.current(tenant)]
        return Response({"prompts": rows, "count": len(rows)})

    @idempotent
    def post(self, request: Request) -> Response:
        body, who = object_in(request), caller(request)
        asked = {"name": body.get("name"), "text": body.get("text"), "note": body.get("note", "")}
        with tenant_scope(who.tenant_id):
            made = save_version(actor=User.objects.get(id=who.user_id), **asked)
            made.refresh_from_db()
        return Response(_version(made, in_force=True), status=201)


class OnePrompt(APIView):
    """A template as new tasks get it, and the tenant's versions of it, the newest first."""

    scopes: ClassVar = {"GET": "policies:read"}

    def get(self, request: Request, prompt: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            found = selectors.find_current(tenant, prompt)
            rows = [_row(row, in_force=row.version == found.version) for row in selectors.versions_of(tenant, prompt)]
        return Response({**_current(found), "versions": rows})


class PromptVersion(APIView):
    """What a version says. `shipped` is the release's own."""

    scopes: ClassVar = {"GET": "policies:read"}

    def get(self, request: Request, prompt: str, version: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            found = selectors.find_version(tenant, prompt, version)
            in_force = selectors.pins(tenant).get(prompt, 0)
        return Response(_version(found, in_force=found.version == in_force))


class PromptInForce(APIView):
    """Put an earlier version, or the shipped text, in force for tasks submitted from then on. Others keep theirs."""

    scopes: ClassVar = {"POST": "policies:write"}
    bodies: ClassVar = {"POST": IN_FORCE}

    @idempotent
    def post(self, request: Request, prompt: str) -> Response:
        version, who = object_in(request).get("version"), caller(request)
        if isinstance(version, bool) or not (version == SHIPPED or isinstance(version, int)):
            raise Invalid(field="version", message=f"must be the number of a version, or {SHIPPED}")
        with tenant_scope(who.tenant_id):
            found = put_in_force(actor=User.objects.get(id=who.user_id), name=prompt, version=str(version))
        return Response(_version(found, in_force=True))


def _current(found: selectors.Current) -> JSON:
    """
    `{"name": "agent", "about": "…", "version": 3, "text": "…", "sha256": "…", "required": ["role"],
    "parameters": ["tone"], "versions": 3}`; the version is `shipped` where the tenant has none of its own in force.
    """
    return {
        "name": found.name,
        "about": KINDS[found.name].about,
        "version": found.version or SHIPPED,
        "text": found.text,
        "sha256": sha256(found.text),
        "required": list(KINDS[found.name].required),
        "parameters": parameters(found.text),
        "versions": found.versions,
    }


def _version(row: PromptTemplate, *, in_force: bool) -> JSON:
    """As `_row`, with `text`, its `sha256` and the `parameters` that it uses."""
    told = {"text": row.text, "sha256": sha256(row.text), "parameters": parameters(row.text)}
    return {**_row(row, in_force=in_force), **told}


def _row(row: PromptTemplate, *, in_force: bool) -> JSON:
    """
    `{"name": "agent", "version": 3, "note": "…", "created_by": "ann@example.com", "created_at": "2026-11-21T10:00:00Z",
    "in_force": true}`
    """
    return {
        "name": row.name,
        "version": row.version or SHIPPED,
        "note": row.note,
        "created_by": row.created_by,
        "created_at": moment(row.created_at),
        "in_force": in_force,
    }
