"""Sessions: the list, and one with its tasks, its files, its budget and a form to go on in it."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from webapp.agent_sessions.selectors import find_visible_session, visible_sessions
from webapp.agent_tasks.selectors import tasks_in_brief, totals_by_session
from webapp.budgets.envelopes import envelope_of
from webapp.dashboard.pages import page, shown
from webapp.dashboard.session_files import files_shown
from webapp.dashboard.tasks import as_id
from webapp.orchestration.session_history import memory_of
from webapp.tenants.rules import Principal

PAGE = 50
TASKS_SHOWN = 100


@page(scope="sessions:read")
def sessions(request: HttpRequest, who: Principal) -> HttpResponse:
    before = as_id(request.GET.get("before", ""))
    found = visible_sessions(who.tenant_id, who.watches).defer("context")
    rows = list((found.filter(id__lt=before) if before else found)[: PAGE + 1])
    totals = totals_by_session(who.tenant_id, [row.id for row in rows[:PAGE]])
    context = {
        "rows": [{"session": row, "total": totals.get(row.id)} for row in rows[:PAGE]],
        "older": rows[PAGE - 1].id if len(rows) > PAGE else None,
        "paged": before is not None,
        "whole_tenant": who.watches is None,
    }
    return shown(request, "sessions/list.html", context)


@page(scope="sessions:read")
def session(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    """The newest tasks, the oldest of them first: read from top to bottom, as the conversation went."""
    found = find_visible_session(who.tenant_id, who.watches, str(name))
    newest = tasks_in_brief(who.tenant_id, who.watches).filter(session=found)[: TASKS_SHOWN + 1]
    tasks = list(newest)
    context = {
        "session": found,
        "tasks": tasks[:TASKS_SHOWN][::-1],
        "more": len(tasks) > TASKS_SHOWN,
        "shown": TASKS_SHOWN,
        "may_go_on": found.user_id == who.user_id and "workflows:write" in who.scopes,
        "memory": memory_of(found),
        "files": files_shown(who, found.id, request.GET.get("folder", "")),
        "envelope": envelope_of(who.tenant_id, found.id),
        "once": secrets.token_hex(16),
    }
    return shown(request, "sessions/one.html", context)
