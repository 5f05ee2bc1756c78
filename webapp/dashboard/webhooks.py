"""What the page Alerts does to webhooks: switch, test, remove, and have a delivery tried again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from webapp.common.errors import Conflict, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.alerts import MANAGE
from webapp.dashboard.pages import action
from webapp.orchestration import dispatch
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.webhooks import services

BACK = "/alerts#webhooks"


@require_POST
@action(scope=MANAGE)
def switch(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    on = request.POST.get("on") == "1"
    with tenant_scope(who.tenant_id):
        services.change_webhook(actor=_actor(who), name=str(name), changes={"is_active": on})
    messages.success(request, "Switched on: it gets what it missed." if on else "Switched off: nothing is sent there.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope=MANAGE)
def test(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    try:
        with tenant_scope(who.tenant_id):
            services.send_test(actor=_actor(who), name=str(name))
    except (Conflict, Invalid) as error:
        messages.error(request, f"Nothing was sent. {error}.")
    else:
        dispatch.send_webhooks()
        messages.success(request, "A test is on its way: what comes of it stands among the deliveries.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope=MANAGE)
def remove(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        services.remove_webhook(actor=_actor(who), name=str(name))
    messages.success(request, "The webhook is removed, with its deliveries.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope=MANAGE)
def retry(request: HttpRequest, who: Principal, webhook: UUID, name: UUID) -> HttpResponse:
    try:
        with tenant_scope(who.tenant_id):
            services.retry_delivery(actor=_actor(who), webhook=str(webhook), name=str(name))
    except Conflict as error:
        messages.error(request, f"It is not sent again. {error}.")
    else:
        dispatch.send_webhooks()
        messages.success(request, "It is sent again, now.")
    return HttpResponseRedirect(BACK)


def _actor(who: Principal) -> User:
    return User.objects.get(id=who.user_id)
