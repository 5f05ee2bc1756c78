"""The part of the page Keys where a tenant sets and removes its own keys for model providers."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from webapp.catalogue import provider_keys
from webapp.common.errors import Invalid, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.pages import action
from webapp.tenants.models import User
from webapp.tenants.rules import Principal

BACK = "/keys#provider-keys"


@sensitive_post_parameters("key")
@require_POST
@action(scope="api_keys:manage")
def save(request: HttpRequest, who: Principal) -> HttpResponse:
    """What was typed is not shown again, so a mistake is told above the empty form."""
    provider = request.POST.get("provider", "")[:60]
    try:
        with tenant_scope(who.tenant_id):
            actor = User.objects.get(id=who.user_id)
            provider_keys.set_key(actor=actor, provider=provider, key=request.POST.get("key", ""))
    except Invalid as error:
        messages.error(request, f"The key was not kept. {error}.")
    else:
        messages.success(request, f"Calls to {provider} go with your own key now.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope="api_keys:manage")
def remove(request: HttpRequest, who: Principal, provider: str) -> HttpResponse:
    try:
        with tenant_scope(who.tenant_id):
            provider_keys.remove_key(actor=User.objects.get(id=who.user_id), provider=provider)
    except NotFound:
        messages.info(request, "That key was removed before.")
    else:
        messages.success(request, f"Removed: calls to {provider} go with the operator's key again.")
    return HttpResponseRedirect(BACK)
