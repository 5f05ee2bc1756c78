"""MCP servers and OpenAPI documents whose tools a tenant's agents have, over HTTP."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.idempotency import idempotent
from webapp.api.presenters import moment
from webapp.api.tasks import caller
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration import dispatch
from webapp.tenants.models import User
from webapp.tool_sources import documents, rules, services
from webapp.tool_sources.models import ToolSource
from webapp.tool_sources.names import tool_name
from webapp.tool_sources.review import how_called, seen_of
from webapp.tool_sources.selectors import find_source, sources_of

READ, WRITE = "policies:read", "policies:write"
WORDS: JSON = {"type": "array", "items": {"type": "string", "maxLength": rules.WORD_CHARS}, "maxItems": rules.WORDS}
SETTINGS: JSON = {
    "address": {"type": "string", "description": "Of the MCP server, or of the OpenAPI document"},
    "document": {"type": "string", "description": "The OpenAPI document itself, as JSON or YAML"},
    "auth": {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string", "enum": list(rules.AUTHS)},
            "in": {"type": "string", "enum": ["header", "query"]},
            "name": {"type": "string"},
        },
    },
    "secret": {
        "type": "string",
        "maxLength": rules.SECRET_CHARS,
        "description": "Never shown again; name:password for basic",
    },
    "tools": {**WORDS, "description": "The tools that are wanted, as the source calls them; empty: all"},
    "reads": {**WORDS, "description": "MCP: tools that change nothing; all others act, whatever the server says"},
    "tags": {**WORDS, "description": "OpenAPI: operations with one of these; empty: all"},
    "server": {"type": "string", "description": "OpenAPI: where it is called, instead of where the document says"},
    "transport": {"type": "string", "enum": list(rules.TRANSPORTS), "description": "MCP"},
    "command": {"type": "string", "description": "MCP over stdio: a name from HARTLEY_MCP_COMMANDS"},
    "rate_per_minute": {"type": "integer", "minimum": 1, "maximum": rules.RATE_MOST},
    "timeout_s": {"type": "integer", "minimum": 1, "maximum": rules.TIMEOUT_MOST_S},
    "dangerous": {"type": "boolean", "description": "A person must approve each call that acts"},
    "trust_changes": {
        "type": "boolean",
        "description": "What the source changes of its tools counts at once; else a person accepts it first",
    },
}
NAME: JSON = {"type": "string", "pattern": f"^{rules.NAME.pattern}$"}
NEW: JSON = {
    "type": "object",
    "required": ["name", "kind"],
    "properties": {"name": NAME, "kind": {"type": "string", "enum": list(rules.KINDS)}, **SETTINGS},
}
CHANGE: JSON = {"type": "object", "properties": {"is_enabled": {"type": "boolean"}, **SETTINGS}}
ACCEPTED: JSON = {
    "type": "object",
    "required": ["seen"],
    "properties": {"seen": {"type": "string", "description": "The mark of what waits, as the source shows it"}},
}
TRIED: JSON = {
    "type": "object",
    "required": ["document"],
    "properties": {"name": NAME, **{word: SETTINGS[word] for word in ("document", "server", "auth", "tags", "tools")}},
}


class ToolSources(APIView):
    """The tenant's sources by name; a worker asks a new one for its tools."""

    scopes: ClassVar = {"GET": READ, "POST": WRITE}
    bodies: ClassVar = {"POST": NEW}

    def get(self, request: Request) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            rows = [_body(row) for row in sources_of(tenant)]
        return Response({"sources": rows, "count": len(rows)})

    @idempotent
    def post(self, request: Request) -> Response:
        asked, who = _object(request), caller(request)
        with tenant_scope(who.tenant_id):
            body = _body(services.register(actor=User.objects.get(id=who.user_id), asked=asked))
        dispatch.send_source_checks()
        return Response(body, status=202)


class TriedDocument(APIView):
    """The tools that an OpenAPI document given as text would bring, or what is wrong with it; nothing is saved."""

    scopes: ClassVar = {"POST": WRITE}
    bodies: ClassVar = {"POST": TRIED}

    def post(self, request: Request) -> Response:
        asked = _object(request)
        caller(request)
        return Response(documents.tried(asked))


class OneToolSource(APIView):
    """One source with its tools, and what can't be a tool and why."""

    scopes: ClassVar = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}
    bodies: ClassVar = {"PATCH": CHANGE}

    def get(self, request: Request, source: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            return Response(_whole(find_source(tenant, source)))

    def patch(self, request: Request, source: str) -> Response:
        asked, who = _object(request), caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            body = _whole(services.change(actor=actor, name=source, changes=asked))
        dispatch.send_source_checks()
        return Response(body)

    def delete(self, request: Request, source: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            services.remove(actor=User.objects.get(id=who.user_id), name=source)
        return Response({"success": True, "message": "Removed, with its tools"})


class ToolSourceLook(APIView):
    """Asks the source for its tools now, and not only when it is due."""

    scopes: ClassVar = {"POST": WRITE}

    def post(self, request: Request, source: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            body = _body(services.look_again(actor=User.objects.get(id=who.user_id), name=source))
        dispatch.send_source_checks()
        return Response(body, status=202)


class ToolSourceAcceptance(APIView):
    """Accepts what the source has changed of its tools: agents have them so from now on."""

    scopes: ClassVar = {"POST": WRITE}
    bodies: ClassVar = {"POST": ACCEPTED}

    def post(self, request: Request, source: str) -> Response:
        asked, who = _object(request), caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            return Response(_whole(services.accept(actor=actor, name=source, seen=asked.get("seen"))))


def _object(request: Request) -> JSON:
    body: Any = request.data
    if not isinstance(body, dict):
        raise Invalid(field="body", message="must be a JSON object")
    return body


def _body(source: ToolSource) -> JSON:
    """
    `{"name": "pets", "kind": "openapi", "address": "https://...", "auth": {"kind": "bearer"}, "tools": [], "tags": [],
    "server": "", "rate_per_minute": 30, "timeout_s": 30, "dangerous": false, "trust_changes": false, "is_enabled": true,
    "state": "ready", "reason": "", "tool_count": 12, "left_out_count": 1, "waiting_count": 0, "created_by": "ann@example.com", "created_at": "...",
    "checked_at": "..."}`; `tools` are those that the tenant chose.
    """
    return {
        "name": source.name,
        "kind": source.kind,
        "address": source.address,
        "trust_changes": False,
        **source.settings,
        "is_enabled": source.is_enabled,
        "state": source.state,
        "reason": source.reason,
        "tool_count": len(source.usable),
        "left_out_count": len(source.left_out),
        "waiting_count": len(source.waiting),
        "created_by": source.created_by,
        "created_at": moment(source.created_at),
        "checked_at": moment(source.checked_at),
    }


def _whole(source: ToolSource) -> JSON:
    """
    As `_body`, with `"found": [{"name", "own_name", "description", "parameters", "call"}]`, `"left_out": [{"name",
    "reason"}]` and `"waiting": {"seen": "...", "tools": [{... as found, "differs": ["description"], "was"}]}`: what a person
    is to accept, by its mark; `was` is null for a new tool, else `{"description", "parameters", "call"}`.
    """
    waits = [
        _found(source, each.tool) | {"differs": each.differs, "was": each.was and _told(each.was)}
        for each in source.waiting
    ]
    return _body(source) | {
        "found": [_found(source, each) for each in source.usable],
        "left_out": source.left_out,
        "waiting": {"seen": seen_of(source.tools) if waits else "", "tools": waits},
    }


def _found(source: ToolSource, tool: JSON) -> JSON:
    return {"name": tool_name(source.name, tool["name"]), "own_name": tool["name"], **_told(tool)}


def _told(tool: JSON) -> JSON:
    return {"description": tool["description"], "parameters": tool["parameters"], "call": how_called(tool)}
