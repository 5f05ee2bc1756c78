"""Prompts: what the planner, the agents and the editor are told; versions, what differs, edit with a preview, go back."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.pages import action, page, shown
from webapp.dashboard.wording import difference
from webapp.prompts import selectors
from webapp.prompts.models import PromptTemplate
from webapp.prompts.rules import KINDS, NOTE_CHARS, SHIPPED, preview
from webapp.prompts.services import check_new, put_in_force, save_version
from webapp.tenants.models import User
from webapp.tenants.rules import Principal

WRITE = "policies:write"
FIELDS = ("text", "note")


@require_safe
@page(scope="policies:read")
def prompts(request: HttpRequest, who: Principal) -> HttpResponse:
    rows = [{"prompt": each, "about": KINDS[each.name].about} for each in selectors.current(who.tenant_id)]
    return shown(request, "prompts/list.html", {"rows": rows})


@require_safe
@page(scope="policies:read")
def prompt(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    """As it is in force, its versions, and what differs between two of them."""
    found = selectors.find_current(who.tenant_id, name)
    versions = [*selectors.versions_of(who.tenant_id, name), selectors.find_version(who.tenant_id, name, SHIPPED)]
    context = {
        "prompt": found,
        "kind": KINDS[name],
        "versions": [{"row": row, "name": row.version or SHIPPED} for row in versions],
        "may_write": who.may(WRITE),
        **_difference(request, who, found, versions),
    }
    return shown(request, "prompts/one.html", context)


def _difference(request: HttpRequest, who: Principal, found: selectors.Current, versions: list[PromptTemplate]) -> JSON:
    """Of the two that are asked for; else of the one in force and the one before it, as long as there are two."""
    if len(versions) < 2:
        return {}
    earlier = [row.version for row in versions if row.version < found.version] or [versions[0].version]
    chosen = [
        selectors.find_version(who.tenant_id, found.name, request.GET.get(side) or str(usual or SHIPPED))
        for side, usual in (("before", earlier[0]), ("after", found.version))
    ]
    before, after = chosen
    return {
        "before": str(before.version or SHIPPED),
        "after": str(after.version or SHIPPED),
        "pieces": difference(before.text, after.text),
        "same": before.text == after.text,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@action(scope=WRITE)
def edit(request: HttpRequest, who: Principal, name: str) -> HttpResponse:
    """A preview saves nothing; what is saved is in force."""
    with tenant_scope(who.tenant_id):
        found = selectors.find_current(who.tenant_id, name)
        version = request.GET.get("version")
        begin = selectors.find_version(who.tenant_id, name, version).text if version else found.text
    if request.method != "POST":
        return _form(request, found, {"text": begin, "note": ""})
    typed = {field: request.POST.get(field, "").replace("\r\n", "\n") for field in FIELDS}
    try:
        if request.POST.get("do") == "preview":
            _, text, _ = check_new(name=name, **typed)
            return _form(request, found, typed, told=preview(name, text))
        with tenant_scope(who.tenant_id):
            made = save_version(actor=User.objects.get(id=who.user_id), name=name, **typed)
    except Invalid as error:
        return _form(request, found, typed, error=error)
    messages.success(request, f"Version {made.version} is in force for tasks that are submitted from now on.")
    return HttpResponseRedirect(f"/prompts/{name}")


@require_POST
@action(scope=WRITE)
def put(request: HttpRequest, who: Principal, name: str, version: str) -> HttpResponse:
    try:
        with tenant_scope(who.tenant_id):
            found = put_in_force(actor=User.objects.get(id=who.user_id), name=name, version=version)
    except Invalid as error:
        messages.error(request, f"It can't be in force any more. {error}.")
    else:
        told = f"Version {found.version} is" if found.version else "What is shipped is"
        messages.success(request, f"{told} in force for tasks that are submitted from now on.")
    return HttpResponseRedirect(f"/prompts/{name}")


def _form(
    request: HttpRequest,
    found: selectors.Current,
    typed: dict[str, str],
    *,
    told: str = "",
    error: Invalid | None = None,
) -> HttpResponse:
    context = {
        "prompt": found,
        "kind": KINDS[found.name],
        "typed": typed,
        "told": told,
        "error": str(error).removeprefix(f"{error.field}: ") if error else "",
        "field": error.field if error else "",
        "text_chars": settings.PROMPT_CHARS,
        "note_chars": NOTE_CHARS,
    }
    return render(request, "prompts/edit.html", context, status=400 if error else 200)
