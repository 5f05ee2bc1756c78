"""A tenant's own keys for model providers over HTTP: set, listed by their last characters, removed; never told again."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.bodies import object_in
from webapp.api.presenters import moment
from webapp.api.tasks import caller
from webapp.catalogue import provider_keys
from webapp.catalogue.models import ProviderKey
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.tenants.models import User

SCOPE = "api_keys:manage"


class ProviderKeys(APIView):
    """The tenant's own keys by provider, without their secrets."""

    scopes: ClassVar = {"GET": SCOPE}

    def get(self, request: Request) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            rows = [_body(key) for key in provider_keys.keys_of(tenant)]
        return Response({"keys": rows, "count": len(rows)})


class OneProviderKey(APIView):
    """From the next second on the tenant's calls to the provider go with this key; without one with the operator's."""

    scopes: ClassVar = {"GET": SCOPE, "PUT": SCOPE, "DELETE": SCOPE}
    bodies: ClassVar = {
        "PUT": {"type": "object", "required": ["key"], "properties": {"key": {"type": "string", "writeOnly": True}}}
    }

    def get(self, request: Request, provider: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            return Response(_body(provider_keys.find_key(tenant, provider)))

    def put(self, request: Request, provider: str) -> Response:
        body = object_in(request)
        who = caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            saved = provider_keys.set_key(actor=actor, provider=provider, key=body.get("key"))
        return Response(_body(saved))

    def delete(self, request: Request, provider: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            provider_keys.remove_key(actor=User.objects.get(id=who.user_id), provider=provider)
        return Response({"success": True, "message": "Removed: calls go with the operator's key again"})


def _body(key: ProviderKey) -> JSON:
    """`{"provider": "openai", "shown": "x7Qd", "created_by": "ann@example.com", "created_at": "2026-11-21T10:00:00Z"}`"""
    return {
        "provider": key.provider,
        "shown": key.shown,
        "created_by": key.created_by,
        "created_at": moment(key.created_at),
    }
