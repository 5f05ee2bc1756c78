"""Budgets: what is wrong with them first, then how fast they are used up, by whom, and what is held; limits are set."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from webapp.budgets.burn import Burn, burn_down
from webapp.budgets.envelopes import envelope_of, find_envelope, fullest, near_their_limits
from webapp.budgets.errors import LimitTooLow
from webapp.budgets.ledger import open_holds
from webapp.budgets.models import Envelope, Level
from webapp.budgets.refusals import refused_calls
from webapp.budgets.units import balances
from webapp.budgets.usage import together, total_usage, usage
from webapp.budgets.window import last
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.burn_chart import chart
from webapp.dashboard.limit_forms import CHOICES, figures, refusal, typed_in
from webapp.dashboard.pages import action, page, shown
from webapp.orchestration.limits import change_limits, limit_period
from webapp.tenants.models import User
from webapp.tenants.rules import Principal

SPANS = {"7": "7 days", "30": "30 days", "90": "90 days"}
GROUPS = {
    "model": "model", "provider": "provider", "agent": "agent", "user": "person", "session": "session",
    "purpose": "purpose", "day": "day",
}  # fmt: skip
WRITE = "budgets:write"
LATELY = timedelta(hours=24)
GROUPS_SHOWN = 15


@require_http_methods(["GET", "POST"])
@page(scope="budgets:read")
def budgets(request: HttpRequest, who: Principal) -> HttpResponse:
    """A POST limits a day or a month."""
    if request.method == "GET":
        return shown(request, "budgets/page.html", _every(request, who))
    if not who.may(WRITE):
        raise PermissionDenied(f"Your role, {who.role}, lacks the scope {WRITE}.")
    typed = typed_in(request.POST)
    try:
        found, made = limit_period(
            actor=User.objects.get(id=who.user_id),
            level=typed.get("level", ""),
            owner=typed.get("owner", ""),
            period=typed.get("period", ""),
            **figures({name: text for name, text in typed.items() if text}, some=True),
        )
    except (Invalid, LimitTooLow) as error:
        refused = _every(request, who) | refusal(typed, error)
        return render(request, "budgets/page.html", refused, status=error.status)
    messages.success(
        request, "Set: it counts from the next call on." if made else "It was there: its limits are changed."
    )
    return HttpResponseRedirect(f"/budgets/{found.id}")


def _every(request: HttpRequest, who: Principal) -> JSON:
    asked, now, tenant = request.GET, timezone.now(), who.tenant_id
    level = one_of(asked, "level", Level.values, "")
    by = one_of(asked, "by", GROUPS, "model")
    days = int(one_of(asked, "days", SPANS, "30"))
    window = last(timedelta(days=days), now)
    whole = envelope_of(tenant, tenant)
    rows = usage(tenant, by, window, limit=GROUPS_SHOWN + 1)
    return {
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
        **CHOICES,
        **burning(tenant, whole, days, asked),
        **_always(who, days),
    }


@page(scope="budgets:read")
def budget(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    return shown(request, "budgets/one.html", _one(request, who, name))


@require_POST
@action(scope="budgets:write")
def limits(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    typed = typed_in(request.POST)
    try:
        wanted = figures(typed)
        with tenant_scope(who.tenant_id):
            change_limits(actor=User.objects.get(id=who.user_id), envelope=name, **wanted)
    except (Invalid, LimitTooLow) as error:
        with tenant_scope(who.tenant_id):
            refused = _one(request, who, name) | refusal(typed, error)
            return render(request, "budgets/one.html", refused, status=error.status)
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
    return {"days": days, "spans": SPANS, "can_change": who.may(WRITE)}


def one_of(asked: QueryDict, name: str, allowed: object, usual: str) -> str:
    value = asked.get(name, usual)
    return value if value in allowed else usual  # type: ignore[operator]
