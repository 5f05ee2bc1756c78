"""Calls a tool from a page: a task of one call, whose page shows how it goes. With the arguments of an earlier call, if asked."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from webapp.agent_tasks.models import Task
from webapp.agent_tasks.selectors import find_task, steps_without_data
from webapp.api.submission import session_of
from webapp.api.tools import named_tool, read_arguments
from webapp.common.errors import HartleyError, Invalid, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard.pages import action
from webapp.dashboard.skeletons import skeleton
from webapp.decisions.selectors import freezes_in_force
from webapp.orchestration.tool_freezes import ToolFrozen, freeze_of, told
from webapp.orchestration.tool_runs import direct_call, run_tool
from webapp.orchestration.tools import KnownTool, find_tool
from webapp.tenants.rules import Principal

EXECUTE = "agents:execute"
TYPED = ("tool", "arguments", "session")
SESSION_CHARS = 128


@require_http_methods(["GET", "HEAD", "POST"])
@action(scope=EXECUTE)
def call(request: HttpRequest, who: Principal) -> HttpResponse:
    """What is wrong with the call stands beside its field; nothing has begun then."""
    if request.method != "POST":
        return _opened(request, who)
    typed = {field: request.POST.get(field, "").strip().replace("\r\n", "\n") for field in TYPED}
    if not typed["tool"]:
        return HttpResponseRedirect("/tools")
    try:
        task = _called(who, typed)
    except HartleyError as error:
        if error.status >= 500:
            raise
        return _form(request, who, typed, error)
    return HttpResponseRedirect(f"/tasks/{task.id}")


def _opened(request: HttpRequest, who: Principal) -> HttpResponse:
    """
    Raises:
        NotFound: the task is no direct call, or not theirs to see.
    """
    if earlier := request.GET.get("from"):
        return _form(request, who, _of_task(who, earlier))
    if not (name := request.GET.get("tool")):
        return HttpResponseRedirect("/tools")
    return _form(request, who, {"tool": name, "session": ""})


def _of_task(who: Principal, name: str) -> dict[str, str]:
    """Another person's session is not called in: the call is the caller's own."""
    with tenant_scope(who.tenant_id):
        task = find_task(who.tenant_id, who.watches, name)
        found = direct_call(task, steps_without_data(who.tenant_id, task.id))
    if found is None:
        raise NotFound("call")
    session = found.session if task.user_id == who.user_id else ""
    return {"tool": found.tool, "arguments": _pretty(found.arguments), "session": session}


def _called(who: Principal, typed: dict[str, str]) -> Task:
    """
    Raises:
        Invalid, NotFound, ToolDangerous, ToolFrozen
    """
    tool, arguments = named_tool(who, typed["tool"]), _arguments(typed["arguments"])
    session = session_of({"session_id": typed["session"]})
    return run_tool(principal=who, tool=tool, arguments=arguments, session=session)


def _arguments(text: str) -> JSON:
    """
    Raises:
        Invalid
    """
    try:
        return read_arguments(json.loads(text) if text else None)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f": {error}" if isinstance(error, json.JSONDecodeError) else ""
        raise Invalid(field="arguments", message=f"must be a JSON object{where}") from None


def _form(
    request: HttpRequest, who: Principal, typed: dict[str, str], error: HartleyError | None = None
) -> HttpResponse:
    tool, frozen = _known(who, typed["tool"])
    if tool and "arguments" not in typed:
        typed = {**typed, "arguments": _pretty(skeleton(tool.parameters))}
    field = error.field if isinstance(error, Invalid) else "tool" if error else ""
    context = {
        "typed": typed,
        "tool": tool,
        "schema": _pretty(tool.parameters) if tool else "",
        "may_call": tool is not None and tool.may_be_called_by(who),
        "frozen": frozen,
        "error": "" if isinstance(error, ToolFrozen) else str(error or "").removeprefix(f"{field}: "),
        "field": field,
        "session_chars": SESSION_CHARS,
        "lacks": sorted(set(tool.permissions) - who.permissions) if tool else [],
    }
    status = error.status if error else 200 if tool else 404
    return render(request, "tools/try.html", context, status=status)


def _known(who: Principal, name: str) -> tuple[KnownTool | None, str]:
    """The tool, which may have gone since it was called, and why it is frozen, if it is."""
    with tenant_scope(who.tenant_id):
        frozen = freeze_of(freezes_in_force(who.tenant_id), name)
        try:
            tool = find_tool(who.tenant_id, name)
        except NotFound:
            tool = None
    return tool, told(frozen) if frozen else ""


def _pretty(value: JSON) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
