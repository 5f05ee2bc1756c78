"""The list of tasks: filters in the address, pages by key, so that a page stays the same while tasks arrive."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from webapp.agent_tasks.models import Task, TaskState
from webapp.agent_tasks.selectors import visible_tasks
from webapp.dashboard.pages import page, shown
from webapp.tenants.rules import Principal

PAGE = 50
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}


@dataclass(frozen=True)
class Filters:
    """What the address asks for; what it does not say, or says wrongly, filters nothing."""

    status: str = ""
    q: str = ""
    since: str = ""
    session: str = ""

    @classmethod
    def of(cls, given: QueryDict) -> Filters:
        status, since = given.get("status", ""), given.get("since", "")
        return cls(
            status=status if status in TaskState.values else "",
            q=given.get("q", "").strip().replace("\0", "")[:200],
            since=since if since in SPANS else "",
            session=str(as_id(given.get("session", "")) or ""),
        )

    def apply(self, tasks: QuerySet[Task]) -> QuerySet[Task]:
        if self.status:
            tasks = tasks.filter(state=self.status)
        if self.q:
            tasks = tasks.filter(query__icontains=self.q)
        if self.since:
            tasks = tasks.filter(created_at__gte=timezone.now() - SPANS[self.since])
        return tasks.filter(session_id=self.session) if self.session else tasks

    @property
    def address(self) -> str:
        return urlencode({name: value for name, value in asdict(self).items() if value})


@page(scope="workflows:read")
def tasks(request: HttpRequest, who: Principal) -> HttpResponse:
    filters, before = Filters.of(request.GET), as_id(request.GET.get("before", ""))
    found = filters.apply(visible_tasks(who.tenant_id, who.watches)).defer("context", "result", "artifacts")
    rows = list((found.filter(id__lt=before) if before else found)[: PAGE + 1])
    context = {
        "rows": rows[:PAGE],
        "older": rows[PAGE - 1].id if len(rows) > PAGE else None,
        "paged": before is not None,
        "filters": filters,
        "states": TaskState.choices,
        "spans": {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days"},
        "whole_tenant": who.watches is None,
    }
    return shown(request, "tasks/page.html", context, fragment="tasks/rows.html")


def as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
