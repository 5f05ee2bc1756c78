"""Budgets: what may be spent, what is held, what was spent, by level; the open holds and the ledger."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from webapp.budgets import selectors
from webapp.budgets.models import Level
from webapp.dashboard.pages import page, shown
from webapp.tenants.rules import Principal

LEDGER_SHOWN = 50


@page(scope="budgets:read")
def budgets(request: HttpRequest, who: Principal) -> HttpResponse:
    level = request.GET.get("level", "")
    before = request.GET.get("before", "")
    rows = selectors.ledger(who.tenant_id, before, LEDGER_SHOWN + 1)
    context = {
        "level": level if level in Level.values else "",
        "levels": Level.choices,
        "tenant": selectors.envelope_of(who.tenant_id, who.tenant_id),
        "envelopes": selectors.fullest(who.tenant_id, level if level in Level.values else None),
        "open": selectors.open_holds(who.tenant_id),
        "ledger": rows[:LEDGER_SHOWN],
        "older": rows[LEDGER_SHOWN - 1].created_at.isoformat() if len(rows) > LEDGER_SHOWN else "",
        "can_change": "users:manage" in who.scopes,
    }
    return shown(request, "budgets/page.html", context)
