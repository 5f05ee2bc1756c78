"""Budgets over HTTP: what may be spent, is held and was spent, by level; change a limit, open one for a day or month."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.api.idempotency import idempotent
from webapp.api.presenters import moment
from webapp.api.tasks import caller, page
from webapp.budgets.envelopes import envelopes, find_envelope
from webapp.budgets.models import Envelope, Level, Period
from webapp.budgets.periods import OWNERS
from webapp.budgets.rules import ALERT, read_figures
from webapp.budgets.units import UNITS, Amount, Unit, balances, window_began, window_ends
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration.limits import change_limits, limit_period
from webapp.tenants.models import User

FIGURES: JSON = {
    f"{unit.name}_limit": {
        "type": ["integer" if unit.kind == "count" else "number", "null"],
        "minimum": 0,
        "description": "null is no limit",
    }
    for unit in UNITS
} | {
    ALERT: {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "description": "Of a limit, from which its owner is told",
    }
}
CHANGE: JSON = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": FIGURES}
OPENING: JSON = {
    "type": "object",
    "required": ["level", "period"],
    "additionalProperties": False,
    "properties": {
        "level": {"enum": [*OWNERS]},
        "owner": {
            "type": "string",
            "description": "Its id; of a user also the e-mail, of a session also the name that you gave it; none for the tenant",
        },
        "period": {"enum": Period.values},
        **FIGURES,
    },
}


class Budgets(APIView):
    """
    What each level may spend, holds and has spent, the newest first. Go on with `cursor` from `next_cursor`.

    POST opens a budget for a day or month, or changes the limits of the one that is there: 201 or 200.
    """

    scopes: ClassVar = {"GET": "budgets:read", "POST": "budgets:write"}
    bodies: ClassVar = {"POST": OPENING}
    queries: ClassVar = {"GET": {"level": str, "owner": str, "period": str, "cursor": str, "limit": int}}

    def get(self, request: Request) -> Response:
        limit = page(request, "limit", 50, least=1, most=200)
        level, period = level_of(request), period_of(request)
        owner, below = id_of(request, "owner"), id_of(request, "cursor")
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            found = envelopes(tenant, level=level, owner=owner, period=period, below=below, limit=limit + 1)
        rows = [budget_body(envelope) for envelope in found[:limit]]
        following = rows[-1]["id"] if len(found) > limit else None
        return Response({"budgets": rows, "count": len(rows), "next_cursor": following})

    @idempotent
    def post(self, request: Request) -> Response:
        who, body = caller(request), fields(request.data, OPENING)
        level, owner, period = (text_of(body, name) for name in ("level", "owner", "period"))
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            found, made = limit_period(actor=actor, level=level, owner=owner, period=period, **read_figures(body))
            return Response(budget_body(find_envelope(who.tenant_id, str(found.id))), status=201 if made else 200)


class OneBudget(APIView):
    """One budget; its limits and `alert_percent` can be changed, each alone. Null is no limit; what isn't named stays as it is."""

    scopes: ClassVar = {"GET": "budgets:read", "PATCH": "budgets:write"}
    bodies: ClassVar = {"PATCH": CHANGE}

    def get(self, request: Request, budget: str) -> Response:
        tenant = caller(request).tenant_id
        with tenant_scope(tenant):
            return Response(budget_body(find_envelope(tenant, budget)))

    def patch(self, request: Request, budget: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            found = find_envelope(who.tenant_id, budget)
            figures = read_figures(fields(request.data, CHANGE))
            change_limits(actor=User.objects.get(id=who.user_id), envelope=found.id, **figures)
            return Response(budget_body(find_envelope(who.tenant_id, budget)))


def fields(body: Any, schema: JSON) -> JSON:
    """
    Raises:
        Invalid: it is no object, empty, or has a field too many.
    """
    known = schema["properties"]
    if not isinstance(body, dict) or not body:
        raise Invalid(field="body", message=f"must be a JSON object with {', '.join(known)}")
    if unknown := set(body) - set(known):
        raise Invalid(field=str(min(unknown))[:40], message=f"is none of {', '.join(known)}")
    return body


def text_of(body: JSON, name: str) -> str:
    given = body.get(name, "")
    if not isinstance(given, str):
        raise Invalid(field=name, message="must be a text")
    return given


def level_of(request: Request) -> str | None:
    level = request.query_params.get("level", "")
    if level and level not in Level.values:
        raise Invalid(field="level", message=f"must be one of {', '.join(Level.values)}")
    return level or None


def period_of(request: Request) -> str | None:
    period = request.query_params.get("period", "")
    if period and period not in Period.values:
        raise Invalid(field="period", message=f"must be one of {', '.join(Period.values)}")
    return period or None


def id_of(request: Request, name: str) -> UUID | None:
    text = request.query_params.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid(field=name, message="must be an id") from None


def budget_body(envelope: Envelope) -> JSON:
    """
    `{"id": "01a…", "level": "session", "owner": {"id": "01b…", "name": "Iowa"}, "agent": "", "period": "day",
    "window_start": "2026-11-21T00:00:00Z", "window_end": "2026-11-22T00:00:00Z", "alert_percent": 80, "created_at": "2026-11-21T10:00:00Z",
    "units": {"tokens": {"limit": 2000000, "spent": 812, "held": 0, "left": 1999188, "overrun": 0}, "usd": {…}, …}}`
    """
    units = {
        each.unit.name: {
            name: figure(each.unit, getattr(each, name)) for name in ("limit", "spent", "held", "left", "overrun")
        }
        for each in balances(envelope)
    }
    at = timezone.now()
    ends = window_ends(envelope.period, at)
    owner = {"id": str(envelope.owner_id), "name": getattr(envelope, "owner_name", "")}
    return {
        "id": str(envelope.id),
        "level": envelope.level,
        "owner": owner,
        "agent": envelope.name,
        "period": envelope.period,
        "window_start": moment(window_began(envelope.period, at) if ends else None),
        "window_end": moment(ends),
        "alert_percent": envelope.alert_percent,
        "units": units,
        "created_at": moment(envelope.created_at),
    }


def figure(unit: Unit, amount: Amount | None) -> float | int | None:
    """USD as a number, like every cost of this API; the CSV of the ledger has all its decimals."""
    return None if amount is None else int(amount) if unit.kind == "count" else float(amount)
