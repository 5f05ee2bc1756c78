"""Sessions: the list, and one with its tasks and its budget."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, DecimalField, F, Max, Sum, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse

from webapp.agent_sessions.selectors import find_visible_session, visible_sessions
from webapp.agent_tasks.selectors import visible_tasks
from webapp.budgets.selectors import envelope_of
from webapp.dashboard.pages import page, shown
from webapp.dashboard.tasks import as_id
from webapp.tenants.rules import Principal

PAGE = 50
TASKS_SHOWN = 200


@page(scope="sessions:read")
def sessions(request: HttpRequest, who: Principal) -> HttpResponse:
    before = as_id(request.GET.get("before", ""))
    found = visible_sessions(who.tenant_id, who.watches)
    found = (found.filter(id__lt=before) if before else found).annotate(
        tasks_count=Count("tasks"),
        tokens=Coalesce(Sum(F("tasks__prompt_tokens") + F("tasks__completion_tokens")), 0),
        usd=Coalesce(Sum("tasks__cost_usd"), Value(0, DecimalField())),
        last_at=Max("tasks__updated_at"),
    )
    rows = list(found[: PAGE + 1])
    context = {
        "rows": rows[:PAGE],
        "older": rows[PAGE - 1].id if len(rows) > PAGE else None,
        "paged": before is not None,
        "whole_tenant": who.watches is None,
    }
    return shown(request, "sessions/list.html", context)


@page(scope="sessions:read")
def session(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    found = find_visible_session(who.tenant_id, who.watches, str(name))
    tasks = list(visible_tasks(who.tenant_id, who.watches).filter(session=found).order_by("-id")[:TASKS_SHOWN])[::-1]
    context = {
        "session": found,
        "tasks": tasks,
        "own": found.user_id == who.user_id,
        "envelope": envelope_of(who.tenant_id, found.id),
        "shown": TASKS_SHOWN,
    }
    return shown(request, "sessions/one.html", context)
