"""Tools: all that agents may call; the tenant's modules, with what checking them found; upload, switch, go back, remove."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from webapp.common.errors import Conflict, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.dashboard.pages import action, page, shown
from webapp.dashboard.tool_breakers import tool_breakers
from webapp.dashboard.try_tool import EXECUTE
from webapp.decisions.selectors import freezes_in_force
from webapp.orchestration import dispatch
from webapp.orchestration.tool_freezes import freeze_of
from webapp.orchestration.tools import tools_of
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.tool_modules import services
from webapp.tool_modules.models import State
from webapp.tool_modules.rules import DESCRIPTION_CHARS, read_parameters
from webapp.tool_modules.selectors import modules_of
from webapp.tool_sources.selectors import waiting_for

READ, WRITE = "policies:read", "policies:write"
BACK = "/tools"
TYPED = ("name", "description", "parameters")


@require_http_methods(["GET", "HEAD", "POST"])
@page(scope=READ)
def modules(request: HttpRequest, who: Principal) -> HttpResponse:
    """A POST uploads a version; what is wrong with it stands beside its field."""
    if request.method != "POST":
        return _page(request, who)
    if not who.may(WRITE):
        raise PermissionDenied(f"Your role, {who.role}, lacks the scope {WRITE}.")
    typed = {field: request.POST.get(field, "").strip().replace("\r\n", "\n") for field in TYPED}
    try:
        _upload(request, who, typed)
    except Invalid as error:
        return _page(request, who, typed=typed, error=error)
    except Conflict as error:
        messages.error(request, f"It was not uploaded. {error}.")
        return _page(request, who, typed=typed)
    messages.success(request, f"{typed['name']} is being checked; it is in force when nothing is found against it.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope=WRITE)
def switch(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    on = request.POST.get("on") == "1"
    with tenant_scope(who.tenant_id):
        services.switch(actor=_actor(who), name=name, on=on)
    messages.success(request, f"{name} is switched {'on: agents may call it' if on else 'off: no agent sees it'}.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope=WRITE)
def put(request: HttpRequest, who: Principal, name: str, version: int) -> HttpResponse:
    try:
        with tenant_scope(who.tenant_id):
            services.put_in_force(actor=_actor(who), name=name, number=version)
    except Conflict as error:
        messages.error(request, f"It can't be in force. {error}.")
    else:
        messages.success(request, f"Version {version} of {name} is in force.")
    return HttpResponseRedirect(BACK)


@require_POST
@action(scope=WRITE)
def remove(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        services.remove(actor=_actor(who), name=name)
    messages.success(request, f"{name} is removed, with its versions.")
    return HttpResponseRedirect(BACK)


def _upload(request: HttpRequest, who: Principal, typed: dict[str, str]) -> None:
    """
    Raises:
        Invalid
    """
    file = request.FILES.get("wasm")
    if file is None:
        raise Invalid(field="wasm", message="choose a .wasm file")
    if (file.size or 0) > settings.MODULE_BYTES:
        raise Invalid(field="wasm", message=f"has {file.size} bytes; the limit is {settings.MODULE_BYTES}")
    asked: dict[str, Any] = {**typed, "parameters": read_parameters(typed["parameters"])}
    services.upload(actor=_actor(who), wasm=file.read(), **asked)
    transaction.on_commit(dispatch.send_module_checks)


def _page(
    request: HttpRequest, who: Principal, *, typed: dict[str, str] | None = None, error: Invalid | None = None
) -> HttpResponse:
    rows = modules_of(who.tenant_id)
    tools, frozen = tools_of(who.tenant_id), freezes_in_force(who.tenant_id)
    context = {
        "tools": tools,
        "callable": {tool.name for tool in tools if tool.may_be_called_by(who)} if who.may(EXECUTE) else set(),
        "frozen": {tool.name for tool in tools if freeze_of(frozen, tool.name)},
        "modules": rows,
        "checking": any(each.state == State.CHECKING for row in rows for each in row.versions.all()),
        "tool_breakers": tool_breakers(who),
        "waiting": waiting_for(who.tenant_id),
        "may_write": who.may(WRITE),
        "typed": typed or {},
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field if error else "",
        "limit_bytes": settings.MODULE_BYTES,
        "description_chars": DESCRIPTION_CHARS,
    }
    response = shown(request, "tools/page.html", context, fragment="tools/modules.html")
    response.status_code = 400 if error else 200
    return response


def _actor(who: Principal) -> User:
    return User.objects.get(id=who.user_id)
