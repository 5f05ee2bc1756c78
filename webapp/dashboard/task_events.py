"""A task's events as a log: the newest last; earlier ones by key, later ones as they come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Task
from webapp.common.values import JSON
from webapp.dashboard.gist import gist
from webapp.dashboard.numbers import whole
from webapp.dashboard.pages import is_fragment, page, shown
from webapp.progress.models import Event
from webapp.progress.selectors import events_of
from webapp.tenants.rules import Principal

SHOWN = 30
CAUGHT_UP = 200  # that came since, at once


@dataclass(frozen=True)
class Told:
    seq: int
    at: datetime
    type: str
    who: str
    text: str
    step: int | None

    @classmethod
    def of(cls, event: Event) -> Told:
        number = event.payload.get("step") if isinstance(event.payload, dict) else None
        text = gist(event.type, event.message, event.payload)
        step = number if isinstance(number, int) else None
        return cls(event.seq, event.created_at, event.type, event.agent_id, text, step)


@page(scope="workflows:read")
def events(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    found = selectors.find_task(who.tenant_id, who.watches, str(name))
    context = told(who.tenant_id, found, request.GET)
    rows_only = is_fragment(request) and {"before", "after"} & set(request.GET)
    return shown(
        request, "task/events_page.html", context, fragment="task/event_rows.html" if rows_only else "task/events.html"
    )


def told(tenant: UUID, task: Task, given: QueryDict) -> JSON:
    """`earlier` and `tail` are the numbers to go on from, before and after what is shown; None where nothing follows."""
    kind, before, after = given.get("type", "")[:40], whole(given.get("before", "")), whole(given.get("after", ""))
    every = events_of(tenant, task.id)
    wanted = every.filter(type=kind) if kind else every
    if after is not None:
        rows, more = list(wanted.filter(seq__gt=after)[:CAUGHT_UP]), False
    else:
        newest = (wanted.filter(seq__lt=before) if before is not None else wanted).order_by("-seq")[: SHOWN + 1]
        rows, more = list(newest)[:SHOWN][::-1], len(newest) > SHOWN
    last = rows[-1].seq if rows else after or 0
    return {
        "task": task,
        "events": [Told.of(event) for event in rows],
        "earlier": rows[0].seq if more else None,
        "tail": last if task.is_open and before is None else None,
        "tail_has_more": len(rows) == CAUGHT_UP,
        "type": kind,
        "types": sorted(every.order_by().values_list("type", flat=True).distinct()) if after is None else [],
    }
