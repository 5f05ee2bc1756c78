"""Budgets: what is wrong with them first, then how fast they are used up, by whom, and what is held; change a limit."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from webapp.budgets.burn import Burn, burn_down
from webapp.budgets.envelopes import envelope_of, find_envelope, fullest, near_their_limits
from webapp.budgets.errors import LimitTooLow
from webapp.budgets.ledger import open_holds
from webapp.budgets.models import Envelope, Level
from webapp.budgets.refusals import refused_calls
from webapp.budgets.rules import read_limit
from webapp.budgets.units import UNITS, balances
from webapp.budgets.usage import together, total_usage, usage
from webapp.budgets.window import last
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.burn_chart import chart
from webapp.dashboard.pages import action, page, shown
from webapp.orchestration.limits import change_limits
from webapp.tenants.models import User
from webapp.tenants.rules import Principal

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days"}
GROUPS = {
    "model": "model", "provider": "provider", "agent": "agent", "user": "person", "session": "session",
    "purpose": "purpose", "day": "day",
}  # fmt: skip
LATELY = timedelta(hours=24)
GROUPS_SHOWN = 15


@page(scope="budgets:read")
def budgets(request: HttpRequest, who: Principal) -> HttpResponse:
    asked, now, tenant = request.GET, timezone.now(), who.tenant_id
    level = one_of(asked, "level", Level.values, "")
    by = one_of(asked, "by", GROUPS, "model")
    days = int(one_of(asked, "days", SPANS, "30"))
    window = last(timedelta(days=days), now)
    whole = envelope_of(tenant, tenant)
    rows = usage(tenant, by, window, limit=GROUPS_SHOWN + 1)
    context = {
        "near": near_their_limits(tenant),
        "refused": refused_calls(tenant, now - LATELY),
        "whole": whole,
        "envelopes": fullest(tenant, level or None),
        "open": open_holds(tenant),
        "usage": rows,
        "total": total_usage(tenant, window) if len(rows) > GROUPS_SHOWN else together(rows),
        "groups_shown": GROUPS_SHOWN,
        "level": level,
        "levels": Level.choices,
        "by": by,
        "groups": GROUPS,
        **burning(tenant, whole, days, asked),
        **_always(who, days),
    }
    return shown(request, "budgets/page.html", context)


@page(scope="budgets:read")
def budget(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    return shown(request, "budgets/one.html", _one(request, who, name))


@require_POST
@action(scope="budgets:write")
def limits(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    asked = {unit: f"{unit.name}_limit" for unit in UNITS if f"{unit.name}_limit" in request.POST}
    typed = {field: request.POST[field].strip() for field in asked.values()}
    try:
        wanted = {unit.name: read_limit(unit, typed[field] or None) for unit, field in asked.items()}
        with tenant_scope(who.tenant_id):
            change_limits(actor=User.objects.get(id=who.user_id), envelope=name, limits=wanted)
    except (Invalid, LimitTooLow) as error:
        with tenant_scope(who.tenant_id):
            refused = {"typed": typed, "field": error.field, "error": str(error).removeprefix(f"{error.field}: ")}
            return render(request, "budgets/one.html", _one(request, who, name) | refused, status=error.status)
    messages.success(request, "Changed: the new limits count from the next call on.")
    return HttpResponseRedirect(f"/budgets/{name}")


def _one(request: HttpRequest, who: Principal, name: UUID) -> JSON:
    found = find_envelope(who.tenant_id, str(name))
    days = int(one_of(request.GET, "days", SPANS, "30"))
    return {"envelope": found, **burning(who.tenant_id, found, days, request.GET), **_always(who, days)}


def burning(tenant: UUID, envelope: Envelope | None, days: int, asked: QueryDict) -> JSON:
    """Its burn-down in one unit: the asked one, else the first with a limit, else money."""
    if envelope is None:
        return {"burn": None}
    burns = burn_down(tenant, envelope, days, timezone.now().date())
    names = {burn.unit.name: burn for burn in burns}
    usual = next((burn for burn in burns if burn.limit is not None), burns[1])
    burn = names.get(asked.get("unit", ""), usual)
    units = [each.unit for each in balances(envelope) if each.matters or each.spent]
    return {"burn": burn, "units": units, "chart": chart(burn) if _anything(burn) else None}


def _anything(burn: Burn) -> bool:
    return any(row.spent for row in burn.days)


def _always(who: Principal, days: int) -> JSON:
    return {"days": days, "spans": SPANS, "can_change": who.may("budgets:write")}


def one_of(asked: QueryDict, name: str, allowed: object, usual: str) -> str:
    value = asked.get(name, usual)
    return value if value in allowed else usual  # type: ignore[operator]
