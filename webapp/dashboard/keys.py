"""API keys: a person's own, and for those who manage them everyone's."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from webapp.catalogue.provider_keys import keys_of
from webapp.catalogue.selectors import provider_names
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.pages import action
from webapp.tenants import api_keys
from webapp.tenants.rules import ANYONE, Principal

DAYS = (("30", "in 30 days"), ("90", "in 90 days"), ("365", "in a year"), ("", "never"))
SHOWN = 200
FIRST_SCOPES = ("workflows:read", "workflows:write")


@never_cache
@require_http_methods(["GET", "POST"])
@action(scope=ANYONE)
def keys(request: HttpRequest, who: Principal) -> HttpResponse:
    if request.method == "GET":
        return _page(request, who)
    days = request.POST.get("expires_in_days", "")[:10]
    try:
        issued = api_keys.create_key(
            who=who,
            name=request.POST.get("name", ""),
            scopes=request.POST.getlist("scopes"),
            expires_in_days=int(days) if days.isdecimal() else days,
        )
    except Invalid as error:
        return _page(request, who, error=error, status=400)
    return _page(request, who, secret=issued.secret)


@require_POST
@action(scope=ANYONE)
def revoke(request: HttpRequest, who: Principal, key: str) -> HttpResponse:
    revoked = api_keys.revoke_key(who=who, key=key)
    messages.success(request, f"The key {revoked.name} is revoked: it opens nothing any more.")
    return HttpResponseRedirect("/keys")


def _page(
    request: HttpRequest, who: Principal, secret: str = "", error: Invalid | None = None, status: int = 200
) -> HttpResponse:
    manages = "api_keys:manage" in who.scopes
    with tenant_scope(who.tenant_id):
        own = {"provider_keys": keys_of(who.tenant_id), "providers": provider_names()} if manages else {}
        rows = sorted(api_keys.visible_keys(who), key=lambda key: not key.is_active)[:SHOWN]
    context = {
        "rows": rows,
        "secret": secret,
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field if error else "",
        "scopes": sorted(who.scopes),
        "typed": {
            "name": request.POST.get("name", "") if error else "",
            "days": request.POST.get("expires_in_days", DAYS[0][0]),
            "scopes": request.POST.getlist("scopes") if error else FIRST_SCOPES,
        },
        "lifetimes": DAYS,
        "shown": SHOWN,
        "all": manages,
        "now": timezone.now(),
        **own,
    }
    return render(request, "keys/page.html", context, status=status)
