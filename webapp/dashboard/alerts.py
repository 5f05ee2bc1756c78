"""Alerts: budgets that have reached a share of a limit, who has seen them, and the webhooks that are told."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from webapp.budgets.alerts import alerts_of, count_alerts, see_alert
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.pages import action, page, shown
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.webhooks.models import Kind
from webapp.webhooks.selectors import webhooks_with_deliveries
from webapp.webhooks.services import Made, make_webhook, rotate_secret

MANAGE = "users:manage"
SHOWN = 100
DELIVERIES_SHOWN = 5


@never_cache
@require_http_methods(["GET", "POST"])
@page(scope="budgets:read")
def alerts(request: HttpRequest, who: Principal) -> HttpResponse:
    """A POST makes a webhook, or replaces the secret of the one it names: the answer is where the secret is shown."""
    if request.method == "GET":
        return _page(request, who)
    if not who.may(MANAGE):
        raise PermissionDenied(f"Your role, {who.role}, lacks the scope {MANAGE}.")
    actor, name = User.objects.get(id=who.user_id), request.POST.get("webhook", "")
    try:
        if name:
            made = rotate_secret(actor=actor, name=name)
        else:
            made = make_webhook(actor=actor, url=request.POST.get("url", "").strip(), kinds=Kind.values)
    except Invalid as error:
        return _page(request, who, error=error, status=400)
    return _page(request, who, made=made)


@require_POST
@action(scope="budgets:read")
def seen(request: HttpRequest, who: Principal, name: int) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        see_alert(tenant=who.tenant_id, name=name, by=who.email)
    messages.success(request, "Marked as seen.")
    return HttpResponseRedirect("/alerts")


def _page(
    request: HttpRequest, who: Principal, made: Made | None = None, error: Invalid | None = None, status: int = 200
) -> HttpResponse:
    every = request.GET.get("show") == "all"
    manages = who.may(MANAGE)
    context: dict[str, Any] = {
        "alerts": alerts_of(who.tenant_id, seen=None if every else False, limit=SHOWN),
        "total": count_alerts(who.tenant_id, seen=None if every else False),
        "every": every,
        "manages": manages,
        "webhooks": webhooks_with_deliveries(who.tenant_id, DELIVERIES_SHOWN) if manages else [],
        "made": made,
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field if error else "",
        "typed": request.POST.get("url", "") if error else "",
    }
    response = shown(request, "alerts/page.html", context)
    response.status_code = status
    return response
