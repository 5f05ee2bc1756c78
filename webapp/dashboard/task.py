"""One task: what is wrong, what it costs, what each step did, and the buttons to press."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Step, StepState, Task, TaskState
from webapp.agent_tasks.rules import Waiting, why_not_moving
from webapp.budgets.selectors import holds_of, model_breakdown
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard import drawing
from webapp.dashboard.markdown import formatted
from webapp.dashboard.pages import action, page, shown
from webapp.decisions.selectors import decisions_of
from webapp.orchestration.control import cancel_task
from webapp.progress.selectors import events_of
from webapp.tenants.rules import Principal

EVENTS_SHOWN = 30
SHOWN_CHARS = 40_000  # of a step's input or output; the API has all of it
IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True)
class Bar:
    """A step on the time line; all in thousandths of the task's own span."""

    step: Step
    waited_x: float
    waited_width: float
    ran_x: float
    ran_width: float


@page(scope="workflows:read")
def task(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    found = selectors.find_task(who.tenant_id, who.watches, str(name))
    at = timezone.now()
    steps = selectors.steps_without_data(who.tenant_id, found.id)
    files = {file["filename"]: f"/tasks/{found.id}/files/{file['id']}" for file in found.artifacts}
    context = {
        "task": found,
        "running": found.state == TaskState.RUNNING,
        "drawing": drawing.draw(steps),
        "node": {"width": drawing.NODE_WIDTH, "height": drawing.NODE_HEIGHT},
        "bars": time_line(found, steps, at),
        "span_s": ((found.finished_at or at) - found.created_at).total_seconds(),
        "failed": [step for step in steps if step.state == StepState.FAILED],
        "waiting": _waiting(steps, at) if found.state == TaskState.RUNNING else [],
        "ended": sum(step.finished_at is not None for step in steps),
        "models": model_breakdown(who.tenant_id, found.id),
        "answer": formatted(found.result, files) if found.result else "",
        "images": [file for file in found.artifacts if file["media_type"] in IMAGES],
        "selected": request.GET.get("step", ""),
        **_events(request, who, found),
    }
    return shown(request, "task/page.html", context, fragment="task/live.html")


@page(scope="workflows:read")
def events(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    found = selectors.find_task(who.tenant_id, who.watches, str(name))
    context = {"task": found, **_events(request, who, found)}
    return shown(request, "task/events_page.html", context, fragment="task/events.html")


@page(scope="workflows:read")
def step(request: HttpRequest, who: Principal, name: UUID, n: int) -> HttpResponse:
    found = selectors.find_task(who.tenant_id, who.watches, str(name))
    row = selectors.find_step(who.tenant_id, found.id, n)
    told = list(events_of(who.tenant_id, found.id).filter(payload__step=n))
    context = {
        "task": found,
        "step": row,
        "why": why_not_moving(row, timezone.now()) if row.state in (StepState.READY, StepState.WAITING) else None,
        "input": pretty(row.input),
        "output": pretty(row.output),
        "text": (row.output or {}).get("text") or (row.output or {}).get("stdout"),
        "prompts": [event for event in told if event.type == "LLM_PROMPT"],
        "attempts": [event for event in told if event.type.startswith("STEP_")],
        "holds": holds_of(who.tenant_id, found.id, n),
        "decisions": decisions_of(who.tenant_id, found.id, n),
    }
    return shown(request, "task/step_page.html", context, fragment="task/step.html")


@require_POST
@action(scope="workflows:write")
def cancel(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        found = selectors.find_task(who.tenant_id, who.watches, str(name))
    reason = request.POST.get("reason", "").replace("\0", "")[:1000] or "cancelled on the dashboard"
    if cancel_task(principal=who, task=found.id, reason=reason):
        messages.success(request, "Cancelled: what ran is being stopped.")
    else:
        messages.warning(request, "It had ended before.")
    return HttpResponseRedirect(f"/tasks/{found.id}")


@page(scope="workflows:read")
def file(request: HttpRequest, who: Principal, name: UUID, sha256: str) -> HttpResponse:
    """A file of the task; shown as an image by our own pages, else downloaded. It can run nothing, wherever it opens."""
    found = selectors.find_task(who.tenant_id, who.watches, str(name))
    known = {entry["id"]: entry for entry in [*found.artifacts, *found.attachments]}
    if sha256 not in known:
        raise NotFound("file")
    content = selectors.find_content(who.tenant_id, sha256)
    response = HttpResponse(bytes(content.data), content_type=content.media_type)
    response.headers["Content-Disposition"] = (
        f"attachment; filename*=UTF-8''{quote(known[sha256]['filename'], safe='')}"
    )
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def time_line(task: Task, steps: Sequence[Step], now: datetime) -> list[Bar]:
    """When each step waited and ran; what still runs ends now."""
    began, ended = task.created_at, task.finished_at or now
    span = max((ended - began).total_seconds(), 0.001)

    def place(at: datetime) -> float:
        return round(1000 * min(max((at - began).total_seconds(), 0), span) / span, 1)

    bars = []
    for step in steps:
        start = step.started_at or step.finished_at or ended
        stop = step.finished_at or (ended if step.started_at else start)
        waited, ran = place(step.created_at), place(start)
        bars.append(Bar(step, waited, max(0, ran - waited), ran, max(3.0, place(stop) - ran) if step.started_at else 0))
    return bars


def pretty(data: Any) -> JSON:
    """As text, with how much of it there is; long data is cut for the page."""
    text = "" if data in (None, {}) else json.dumps(data, indent=2, ensure_ascii=False)
    return {"text": text[:SHOWN_CHARS], "chars": len(text), "cut": len(text) > SHOWN_CHARS}


def _waiting(steps: Sequence[Step], at: datetime) -> list[Waiting]:
    return [why_not_moving(step, at) for step in steps if step.state in (StepState.READY, StepState.WAITING)]


def _events(request: HttpRequest, who: Principal, found: Task) -> JSON:
    """The newest first; `before` pages back, `type` filters."""
    told = events_of(who.tenant_id, found.id).order_by("-seq")
    kind, before = request.GET.get("type", "")[:40], request.GET.get("before", "")
    if kind:
        told = told.filter(type=kind)
    if before.isdecimal() and len(before) < 10:
        told = told.filter(seq__lt=int(before))
    rows = list(told[: EVENTS_SHOWN + 1])
    return {
        "events": rows[:EVENTS_SHOWN],
        "older": rows[EVENTS_SHOWN - 1].seq if len(rows) > EVENTS_SHOWN else None,
        "type": kind,
        "types": sorted(set(events_of(who.tenant_id, found.id).order_by().values_list("type", flat=True).distinct())),
    }
