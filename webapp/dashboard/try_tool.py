"""Calls a tool from its page: a task of one call, whose page shows how it goes."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from webapp.agent_tasks.models import Task
from webapp.api.tools import named_tool, read_arguments
from webapp.common.errors import HartleyError, Invalid
from webapp.common.values import JSON
from webapp.dashboard.pages import action
from webapp.orchestration.tool_runs import run_tool
from webapp.tenants.rules import Principal

EXECUTE = "agents:execute"


@require_POST
@action(scope=EXECUTE)
def call(request: HttpRequest, who: Principal) -> HttpResponse:
    name = request.POST.get("tool", "")
    try:
        task = _called(who, name, _arguments(request.POST.get("arguments", "")))
    except HartleyError as error:
        if error.status >= 500:
            raise
        messages.error(request, f"{name or 'Nothing'} was not called. {error}.")
        return HttpResponseRedirect("/tools")
    return HttpResponseRedirect(f"/tasks/{task.id}")


def _called(who: Principal, name: str, arguments: JSON) -> Task:
    """
    Raises:
        NotFound, ToolDangerous
    """
    return run_tool(principal=who, tool=named_tool(who, name), arguments=arguments, session=None)


def _arguments(text: str) -> JSON:
    """
    Raises:
        Invalid
    """
    try:
        return read_arguments(json.loads(text) if text.strip() else None)
    except (json.JSONDecodeError, RecursionError):
        raise Invalid(field="arguments", message="must be a JSON object") from None
