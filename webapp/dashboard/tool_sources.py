"""Sources of tools: MCP servers and OpenAPI documents of the tenant, what was found there and what was left out."""

from __future__ import annotations

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webapp.common.errors import Conflict, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.pages import action, page, shown
from webapp.dashboard.tool_source_forms import asked_new, form_of, typed_in
from webapp.orchestration import dispatch
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.tool_sources import services
from webapp.tool_sources.models import State
from webapp.tool_sources.names import tool_name
from webapp.tool_sources.review import Waiting, how_called, seen_of
from webapp.tool_sources.selectors import find_source, sources_of

READ, WRITE = "policies:read", "policies:write"
BACK = "/tool-sources"
PARTS = {"description": "description", "parameters": "arguments", "call": "how it is called"}
SIGNS = {
    "none": "nothing",
    "bearer": "a bearer token",
    "basic": "name and password",
    "api_key": "an API key in the {in} {name}",
}


@require_http_methods(["GET", "HEAD", "POST"])
@page(scope=READ)
def sources(request: HttpRequest, who: Principal) -> HttpResponse:
    """A POST registers a source; what is wrong with it stands beside its field."""
    if request.method != "POST":
        return _page(request, who)
    if not who.may(WRITE):
        raise PermissionDenied(f"Your role, {who.role}, lacks the scope {WRITE}.")
    typed = typed_in(request.POST)
    try:
        services.register(actor=_actor(who), asked=asked_new(typed) | {"secret": request.POST.get("secret", "")})
    except Invalid as error:
        return _page(request, who, typed=typed, error=error)
    transaction.on_commit(dispatch.send_source_checks)
    messages.success(request, f"{typed['name']} is being looked at; agents have its tools when that is done.")
    return HttpResponseRedirect(BACK)


@require_safe
@page(scope=READ)
def source(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    found = find_source(who.tenant_id, name)
    context = {
        "source": found,
        "signs": SIGNS[found.settings["auth"]["kind"]].format(**found.settings["auth"]),
        "tools": [{**each, "called": tool_name(found.name, each["name"])} for each in found.usable],
        "waiting": [_change(found.name, each) for each in found.waiting],
        "seen": seen_of(found.tools),
        "checking": found.state == State.CHECKING,
        "may_write": who.may(WRITE),
    }
    return shown(request, "tool_sources/one.html", context, fragment="tool_sources/found.html")


@require_POST
@action(scope=WRITE)
def switch(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    on = request.POST.get("on") == "1"
    with tenant_scope(who.tenant_id):
        services.change(actor=_actor(who), name=name, changes={"is_enabled": on})
    messages.success(
        request, f"{name} is switched {'on: agents have its tools' if on else 'off: no agent has its tools'}."
    )
    return HttpResponseRedirect(f"{BACK}/{name}")


@require_POST
@action(scope=WRITE)
def look(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        services.look_again(actor=_actor(who), name=name)
    transaction.on_commit(dispatch.send_source_checks)
    messages.success(request, f"{name} is being looked at.")
    return HttpResponseRedirect(f"{BACK}/{name}")


@require_POST
@action(scope=WRITE)
def accept(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    """What the page showed; what has come since is shown first."""
    try:
        with tenant_scope(who.tenant_id):
            services.accept(actor=_actor(who), name=name, seen=request.POST.get("seen", ""))
    except (Conflict, Invalid) as error:
        messages.error(request, f"{error}.")
    else:
        messages.success(request, f"Accepted: the tools of {name} count as they stand now.")
    return HttpResponseRedirect(f"{BACK}/{name}")


@require_POST
@action(scope=WRITE)
def remove(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        services.remove(actor=_actor(who), name=name)
    messages.success(request, f"{name} is removed, with its tools.")
    return HttpResponseRedirect(BACK)


def _page(
    request: HttpRequest, who: Principal, *, typed: dict[str, str] | None = None, error: Invalid | None = None
) -> HttpResponse:
    rows = sources_of(who.tenant_id)
    context = form_of(typed or {}, error) | {
        "sources": rows,
        "checking": any(row.state == State.CHECKING and row.is_enabled for row in rows),
        "may_write": who.may(WRITE),
    }
    response = shown(request, "tool_sources/page.html", context, fragment="tool_sources/list.html")
    response.status_code = 400 if error else 200
    return response


def _change(source: str, change: Waiting) -> JSON:
    """A tool that waits, as text: what it was and what it would be."""
    return {
        "called": tool_name(source, change.tool["name"]),
        "now": _as_text(change.tool),
        "was": change.was and _as_text(change.was),
        "differs": change.differs,
        "words": ", ".join(PARTS.get(part, part) for part in change.differs),
    }


def _as_text(tool: JSON) -> JSON:
    parameters = json.dumps(tool["parameters"], indent=2)  # in ASCII: nothing in it may hide from whoever looks
    return {"description": tool["description"], "parameters": parameters, "call": how_called(tool)}


def _actor(who: Principal) -> User:
    return User.objects.get(id=who.user_id)
