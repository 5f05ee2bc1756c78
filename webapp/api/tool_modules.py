"""Tools that a tenant brings as WebAssembly, over HTTP: uploaded, switched, an earlier version in force again, removed."""

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
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import dispatch
from webapp.tenants.models import User
from webapp.tool_modules import services
from webapp.tool_modules.models import ModuleVersion, ToolModule
from webapp.tool_modules.rules import DESCRIPTION_CHARS, NAME, check_parameters, decode_wasm
from webapp.tool_modules.selectors import find_module, modules_of

READ, WRITE = "policies:read", "policies:write"
NEW: JSON = {
    "type": "object",
    "required": ["name", "description", "wasm"],
    "properties": {
        "name": {"type": "string", "pattern": f"^{NAME.pattern}$"},
        "description": {"type": "string", "minLength": 1, "maxLength": DESCRIPTION_CHARS},
        "parameters": {"type": "object", "description": "JSON schema of the arguments, additionalProperties false"},
        "wasm": {"type": "string", "contentEncoding": "base64", "maxLength": 4 * settings.MODULE_BYTES // 3 + 4},
    },
}
CHANGE: JSON = {"type": "object", "required": ["is_enabled"], "properties": {"is_enabled": {"type": "boolean"}}}
IN_FORCE: JSON = {
    "type": "object",
    "required": ["version"],
    "properties": {"version": {"type": "integer", "minimum": 1}},
}


class ToolModules(APIView):
    """The tenant's modules by name; an upload is a new version, in force as soon as a worker has checked it."""

    scopes: ClassVar = {"GET": READ, "POST": WRITE}
    bodies: ClassVar = {"POST": NEW}

    def get(self, request: Request) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            rows = [_body(row) for row in modules_of(tenant)]
        return Response({"modules": rows, "count": len(rows)})

    @idempotent
    def post(self, request: Request) -> Response:
        asked, who = object_in(request), caller(request)
        parameters, wasm = check_parameters(asked.get("parameters")), decode_wasm(asked.get("wasm"))
        with tenant_scope(who.tenant_id):
            made = services.upload(
                actor=User.objects.get(id=who.user_id),
                name=asked.get("name"),
                description=asked.get("description"),
                parameters=parameters,
                wasm=wasm,
            )
            body = _body(find_module(who.tenant_id, made.module.name))
        dispatch.send_module_checks()
        return Response(body, status=202)


class OneToolModule(APIView):
    """One module with its versions, the newest first: their states, what was found, why one was refused."""

    scopes: ClassVar = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}
    bodies: ClassVar = {"PATCH": CHANGE}

    def get(self, request: Request, module: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            return Response(_body(find_module(tenant, module)))

    def patch(self, request: Request, module: str) -> Response:
        asked, who = object_in(request), caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            return Response(_body(services.switch(actor=actor, name=module, on=asked.get("is_enabled"))))

    def delete(self, request: Request, module: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            services.remove(actor=User.objects.get(id=who.user_id), name=module)
        return Response({"success": True, "message": "Removed, with its versions"})


class ToolModuleInForce(APIView):
    """Puts an earlier version in force again, or a later one back."""

    scopes: ClassVar = {"POST": WRITE}
    bodies: ClassVar = {"POST": IN_FORCE}

    def post(self, request: Request, module: str) -> Response:
        asked, who = object_in(request), caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            return Response(_body(services.put_in_force(actor=actor, name=module, number=asked.get("version"))))


def _body(module: ToolModule) -> JSON:
    """`{"name": "word_count", "is_enabled": true, "version": 2, "versions": [...]}`; version 0: none is in force."""
    return {
        "name": module.name,
        "is_enabled": module.is_enabled,
        "version": module.active,
        "created_at": moment(module.created_at),
        "versions": [_version(each) for each in module.versions.all()],
    }


def _version(version: ModuleVersion) -> JSON:
    """
    `{"version": 2, "state": "refused", "reason": "It imports 'env.system': ...", "description": "Counts words.",
    "parameters": {...}, "sha256": "9ce8...", "size_bytes": 212265, "facts": {"imports": [...], "compile_s": 0.077},
    "created_by": "ann@example.com", "created_at": "2026-11-22T10:00:00Z", "checked_at": "2026-11-22T10:00:01Z"}`
    """
    return {
        "version": version.number,
        "state": version.state,
        "reason": version.reason,
        "description": version.description,
        "parameters": version.parameters,
        "sha256": version.sha256,
        "size_bytes": version.size_bytes,
        "facts": version.facts,
        "created_by": version.created_by,
        "created_at": moment(version.created_at),
        "checked_at": moment(version.checked_at),
    }
