"""Freezes over HTTP: what is frozen, freeze, thaw. The same roles may as in the admin."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_tasks.selectors import frozen_steps
from webapp.api.bodies import object_in
from webapp.api.idempotency import idempotent
from webapp.api.presenters import freeze_body
from webapp.api.tasks import caller
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.decisions.models import FreezeKind
from webapp.decisions.selectors import find_freeze, freezes_in_force
from webapp.orchestration.freezes import REASON_CHARS, SUBJECT_CHARS, freeze, thaw
from webapp.tenants.models import User

FREEZE: JSON = {
    "type": "object",
    "required": ["kind", "reason"],
    "properties": {
        "kind": {"enum": FreezeKind.values},
        "subject": {"type": "string", "maxLength": SUBJECT_CHARS},
        "reason": {"type": "string", "minLength": 1, "maxLength": REASON_CHARS},
    },
}


class Freezes(APIView):
    """What is frozen now, the newest first, with how many steps wait for it; freeze a tenant, agent, tool or model."""

    scopes: ClassVar = {"GET": "policies:read", "POST": "freezes:write"}
    bodies: ClassVar = {"POST": FREEZE}

    def get(self, request: Request) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            waiting = frozen_steps(tenant)
            rows = [freeze_body(row, waiting.get(row.id, 0)) for row in freezes_in_force(tenant)]
        return Response({"freezes": rows, "count": len(rows)})

    @idempotent
    def post(self, request: Request) -> Response:
        body = object_in(request)
        who = caller(request)
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            made = freeze(
                actor=actor, kind=body.get("kind"), subject=body.get("subject", ""), reason=body.get("reason")
            )
        return Response(freeze_body(made, 0), status=201)


class ThawFreeze(APIView):
    scopes: ClassVar = {"POST": "freezes:write"}

    @idempotent
    def post(self, request: Request, freeze: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            frozen = [find_freeze(who.tenant_id, freeze)]
            thawed = bool(thaw(actor=User.objects.get(id=who.user_id), frozen=frozen))
        message = "Thawed: what waited for it goes on" if thawed else "It was thawed before"
        return Response({"success": thawed, "message": message})
