"""The ledger: every paid call, by what one looks for, in addresses that can be shared; and as CSV."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from webapp.api.ledger import as_csv
from webapp.budgets.ledger import LedgerPlace, ledger, read_sought
from webapp.budgets.models import HoldState
from webapp.common.errors import Invalid
from webapp.dashboard.pages import action, page, shown
from webapp.tenants.rules import Principal

SHOWN = 50
FILTERS = ("task_id", "agent", "model", "state", "since", "until")


@page(scope="budgets:read")
def lines(request: HttpRequest, who: Principal) -> HttpResponse:
    typed = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    behind = LedgerPlace.read(request.GET.get("before", ""))
    error: Invalid | None = None
    try:
        rows = ledger(who.tenant_id, read_sought(typed), behind, SHOWN + 1)
    except Invalid as refused:
        rows, error = [], refused
    older = LedgerPlace.of(rows[SHOWN - 1]) if len(rows) > SHOWN else None
    context = {
        "ledger": rows[:SHOWN],
        "filters": typed,
        "address": urlencode(typed),
        "older": urlencode({**typed, "before": older}) if older else "",
        "paged": behind is not None,
        "states": HoldState.choices,
        "field": error.field if error else "",
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
    }
    answer = shown(request, "budgets/ledger.html", context)
    answer.status_code = error.status if error else 200
    return answer


@action(scope="budgets:read")
def download(request: HttpRequest, who: Principal) -> HttpResponseBase:
    try:
        return as_csv(who, read_sought(request.GET.dict()), None)
    except Invalid as error:
        return HttpResponse(str(error), status=error.status, content_type="text/plain; charset=utf-8")
