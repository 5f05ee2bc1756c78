"""Freezes: what is frozen now and how much waits for it; freeze, and thaw again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from webapp.agent_tasks.selectors import frozen_steps
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.pages import action
from webapp.decisions.models import FreezeKind
from webapp.decisions.selectors import find_freeze, freezes_in_force
from webapp.orchestration.freezes import REASON_CHARS, SUBJECT_CHARS, freeze, thaw
from webapp.tenants.models import User
from webapp.tenants.rules import Principal

FIELDS = ("kind", "subject", "reason")


@require_http_methods(["GET", "POST"])
@action(scope="freezes:write")
def freezes(request: HttpRequest, who: Principal) -> HttpResponse:
    if request.method == "GET":
        return _page(request, who)
    asked = {name: request.POST.get(name, "") for name in FIELDS}
    try:
        with tenant_scope(who.tenant_id):
            made = freeze(actor=User.objects.get(id=who.user_id), **asked)
    except Invalid as error:
        return _page(request, who, error=error, status=400)
    messages.success(request, f"Frozen: {made}. What runs finishes its call; nothing else of it starts.")
    return HttpResponseRedirect("/freezes")


@require_POST
@action(scope="freezes:write")
def lift(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        frozen = find_freeze(who.tenant_id, name)
        thawed = thaw(actor=User.objects.get(id=who.user_id), frozen=[frozen])
    if thawed:
        messages.success(request, f"Thawed: {frozen}. What waited for it goes on.")
    else:
        messages.warning(request, "It was thawed before.")
    return HttpResponseRedirect("/freezes")


def _page(request: HttpRequest, who: Principal, error: Invalid | None = None, status: int = 200) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        waiting = frozen_steps(who.tenant_id)
        rows = [{"freeze": row, "steps": waiting.get(row.id, 0)} for row in freezes_in_force(who.tenant_id)]
    context = {
        "rows": rows,
        "kinds": FreezeKind.choices,
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field if error else "",
        "typed": {name: request.POST.get(name, "") for name in FIELDS},
        "subject_chars": SUBJECT_CHARS,
        "reason_chars": REASON_CHARS,
    }
    return render(request, "freezes/page.html", context, status=status)
