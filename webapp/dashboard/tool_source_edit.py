"""Changes a source on a page: where it is, how it is signed in to, which of its tools count, and their limits."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from webapp.common.errors import Conflict, Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.pages import action
from webapp.dashboard.tool_source_forms import asked_changes, form_of, typed_in, typed_of
from webapp.orchestration import dispatch
from webapp.tenants.models import User
from webapp.tenants.rules import Principal
from webapp.tool_sources import services
from webapp.tool_sources.marks import mark_of
from webapp.tool_sources.models import State, ToolSource
from webapp.tool_sources.selectors import find_source

WORDS = {
    "address": "address",
    "server": "server",
    "auth": "way of signing in",
    "key_in": "place of the key",
    "key_name": "name of the key",
    "command": "command",
    "tools": "tools",
    "tags": "tags",
    "reads": "tools that change nothing",
    "rate_per_minute": "calls a minute",
    "timeout_s": "seconds of a call",
    "dangerous": "approval of calls",
    "trust_changes": "trust in changes of its tools",
}
CHARS = 100  # shown of what somebody else has typed


@require_http_methods(["GET", "HEAD", "POST"])
@action(scope="policies:write")
def edit(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    found = _found(who, name)
    if request.method != "POST":
        return _form(request, found, typed_of(found))
    typed, secret = typed_in(request.POST), request.POST.get("secret", "")
    changes = asked_changes(typed, found) | ({"secret": secret} if secret else {})
    try:
        changed = _changed(who, name, changes, seen=request.POST.get("seen", ""))
    except Invalid as error:
        return _form(request, found, typed, error=error)
    except Conflict:
        return _form(request, _found(who, name), typed, overtaken=True)
    looked = "; it is being looked at" if _is_checking(changed) else ""
    looked += ", and agents have its tools when that is done" if looked and not changed.tools else ""
    messages.success(request, f"{name} is changed{looked}." if changes else f"{name} is as it was.")
    return HttpResponseRedirect(f"/tool-sources/{name}")


def _found(who: Principal, name: str) -> ToolSource:
    with tenant_scope(who.tenant_id):
        return find_source(who.tenant_id, name)


def _changed(who: Principal, name: str, changes: JSON, *, seen: str) -> ToolSource:
    """
    Raises:
        Invalid, NotFound
        Conflict: it is another one by now than this form was opened with.
    """
    with tenant_scope(who.tenant_id):
        if not changes:
            return find_source(who.tenant_id, name)
        transaction.on_commit(dispatch.send_source_checks)
        return services.change(actor=User.objects.get(id=who.user_id), name=name, changes=changes, seen=seen)


def _is_checking(source: ToolSource) -> bool:
    return source.is_enabled and source.state == State.CHECKING


def _form(
    request: HttpRequest,
    found: ToolSource,
    typed: dict[str, str],
    *,
    error: Invalid | None = None,
    overtaken: bool = False,
) -> HttpResponse:
    """With the mark of the source as it is now: what is sent again after an overtaking is sent knowingly."""
    context = form_of(typed, error) | {
        "source": found,
        "seen": request.POST.get("seen", "") if error else mark_of(found),
        "overtaken": overtaken,
        "others": _otherwise(found, typed) if overtaken else [],
    }
    return render(request, "tool_sources/edit.html", context, status=409 if overtaken else 400 if error else 200)


def _otherwise(found: ToolSource, typed: dict[str, str]) -> list[JSON]:
    """Where the form says something else than the source has by now."""
    there = typed_of(found)
    return [
        {"word": word, "there": there[field].replace("\n", ", ")[:CHARS] or "nothing"}
        for field, word in WORDS.items()
        if typed[field] != there[field]
    ]
