"""Now: what runs, what waits and why, what fails."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from webapp.agent_tasks import board
from webapp.agent_tasks.presence import queues_served
from webapp.dashboard.pages import page, shown
from webapp.decisions.selectors import freezes_in_force
from webapp.tenants.rules import Principal


@page(scope="workflows:read")
def now(request: HttpRequest, who: Principal) -> HttpResponse:
    at = timezone.now()
    context = {
        "now": at,
        "day": board.day(who.tenant_id, who.watches, at),
        "running": board.running_tasks(who.tenant_id, who.watches, at, queues_served(settings.WORKER_SEEN_S)),
        "freezes": freezes_in_force(who.tenant_id) if who.may("freezes:write") else [],
        "failing": board.failing_tasks(who.tenant_id, who.watches, at),
        "queues": board.steps_by_queue(who.tenant_id),
        "shown": board.SHOWN,
    }
    return shown(request, "now/page.html", context, fragment="now/board.html")
