"""Budgets: what may be spent, what is held, what was spent, by level; the open holds and the ledger."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from webapp.budgets.envelopes import envelope_of, fullest
from webapp.budgets.ledger import LedgerPlace, Sought, ledger, open_holds
from webapp.budgets.models import Level
from webapp.dashboard.pages import page, shown
from webapp.tenants.rules import Principal

LEDGER_SHOWN = 50


@page(scope="budgets:read")
def budgets(request: HttpRequest, who: Principal) -> HttpResponse:
    level = request.GET.get("level", "")
    level = level if level in Level.values else ""
    behind = LedgerPlace.read(request.GET.get("before", ""))
    rows = ledger(who.tenant_id, Sought(), behind, LEDGER_SHOWN + 1)
    context = {
        "level": level,
        "levels": Level.choices,
        "tenant": envelope_of(who.tenant_id, who.tenant_id),
        "envelopes": fullest(who.tenant_id, level or None),
        "open": open_holds(who.tenant_id),
        "ledger": rows[:LEDGER_SHOWN],
        "older": LedgerPlace.of(rows[LEDGER_SHOWN - 1]) if len(rows) > LEDGER_SHOWN else "",
        "paged": behind is not None,
        "can_change": "users:manage" in who.scopes,
    }
    return shown(request, "budgets/page.html", context)
