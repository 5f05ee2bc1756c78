"""One task: what is wrong, what to press, what it costs, and what each step did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Step, StepState, Task, TaskState
from webapp.agent_tasks.presence import queues_served
from webapp.agent_tasks.rules import Waiting, why_not_moving
from webapp.api.presenters import quote_body
from webapp.budgets.selectors import model_breakdown
from webapp.common.errors import Conflict, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.dashboard import drawing, timeline
from webapp.dashboard.advice import look_at, what_next
from webapp.dashboard.markdown import formatted
from webapp.dashboard.numbers import whole
from webapp.dashboard.pages import action, is_fragment, page, shown
from webapp.dashboard.task_events import told
from webapp.orchestration.control import cancel_task, pause_task, place_in_line, resume_task
from webapp.orchestration.tool_runs import direct_call
from webapp.progress.selectors import events_of
from webapp.tenants.models import User
from webapp.tenants.rules import Principal

IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
ENDED = 286  # tells htmx to stop asking again


@dataclass(frozen=True)
class Line:
    """The time line as it is shown; `left_out` rows are not."""

    rows: list[timeline.Row]
    left_out: int


@page(scope="workflows:read")
def task(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    """The whole page, or what of it changes while the task runs."""
    found = selectors.find_task(who.tenant_id, who.watches, str(name))
    context = _parts(who, found, whole_line="all" in request.GET)
    if is_fragment(request):
        answer = shown(request, "task/page.html", context, fragment="task/live.html")
        answer.status_code = 200 if found.is_open else ENDED
        return answer
    opened = {"selected": whole(request.GET.get("step", "")), **told(who.tenant_id, found, request.GET)}
    return shown(request, "task/page.html", {**context, **opened})


def _parts(who: Principal, found: Task, *, whole_line: bool) -> JSON:
    at = timezone.now()
    steps = selectors.steps_without_data(who.tenant_id, found.id)
    waiting = _waiting(steps, at, queues_served(settings.WORKER_SEEN_S)) if found.is_open else []
    files = {file["filename"]: f"/tasks/{found.id}/files/{file['id']}" for file in found.artifacts}
    return {
        "task": found,
        "running": found.is_open,
        "queue": place_in_line(who.tenant_id, found.id) if found.state == TaskState.QUEUED else None,
        "stop": selectors.last_effect(who.tenant_id, found),
        "paused_by": _email(found.paused_by),
        "quote": quote_body(found),
        "drawing": drawing.draw(steps),
        "node": {"width": drawing.NODE_WIDTH, "height": drawing.NODE_HEIGHT},
        "line": _line(found, steps, at, whole_line=whole_line),
        "span_s": ((found.finished_at or at) - found.created_at).total_seconds(),
        "stopped": selectors.stops_of(who.tenant_id, found.id),
        "unheard": [step for step in steps if (step.error or {}).get("code") == "call.unheard"],
        "failed": [step for step in steps if step.state == StepState.FAILED],
        "next": what_next(found.error["code"]) if found.error else "",
        "look_at": look_at(found.error["code"]) if found.error else "",
        "cancelled_by": _email(found.cancelled_by),
        "whole_tenant": who.watches is None,
        "waiting": waiting,
        "frozen": sorted({wait.reason for wait in waiting if wait.state == "frozen"}),
        "ended": sum(step.finished_at is not None for step in steps),
        "direct": direct_call(found, steps) if who.may("agents:execute") and not found.is_open else None,
        "made_of_it": [] if found.is_open else selectors.descendants(who.tenant_id, who.watches, found.id),
        "models": model_breakdown(who.tenant_id, found.id),
        "sees_budgets": who.may("budgets:read"),
        "answer": formatted(found.result, files) if found.result else "",
        "images": [file for file in found.artifacts if file["media_type"] in IMAGES],
    }


@require_POST
@action(scope="workflows:write")
def pause(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    return _steer(request, who, name, pause_task, "Paused: what runs finishes, nothing new starts.")


@require_POST
@action(scope="workflows:write")
def resume(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    return _steer(request, who, name, resume_task, "It goes on.")


def _steer(request: HttpRequest, who: Principal, name: UUID, do: Callable[..., None], said: str) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        found = selectors.find_task(who.tenant_id, who.watches, str(name))
    reason = request.POST.get("reason", "").replace("\0", "").strip()[:1000] or "on the dashboard"
    try:
        do(principal=who, task=found.id, reason=reason)
    except Conflict as error:
        messages.warning(request, f"{error}: it is {found.state} now.")
    else:
        messages.success(request, said)
    return HttpResponseRedirect(f"/tasks/{found.id}")


@require_POST
@action(scope="workflows:write")
def cancel(request: HttpRequest, who: Principal, name: UUID) -> HttpResponse:
    with tenant_scope(who.tenant_id):
        found = selectors.find_task(who.tenant_id, who.watches, str(name))
    reason = request.POST.get("reason", "").replace("\0", "").strip()[:1000] or "cancelled on the dashboard"
    if cancel_task(principal=who, task=found.id, reason=reason):
        messages.success(request, "Cancelled: what ran is being stopped.")
    else:
        messages.warning(request, "It had ended before.")
    return HttpResponseRedirect(f"/tasks/{found.id}")


@page(scope="workflows:read")
def file(request: HttpRequest, who: Principal, name: UUID, sha256: str) -> HttpResponse:
    """A file of the task; shown as an image by our own pages, else downloaded. It can run nothing, wherever it opens."""
    if is_fragment(request):
        raise NotFound("file")  # bytes that anyone may have made never become a part of a page
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


def _line(found: Task, steps: Sequence[Step], at: datetime, *, whole_line: bool) -> Line:
    again = [step.n for step in steps if _was_given_up(step)]
    marks = _marks(found, again) if again else []
    rows = timeline.time_line(steps, marks, began=found.created_at, ended=found.finished_at or at, now=at)
    kept = rows if whole_line else timeline.shortened(rows)
    return Line(kept, len(rows) - len(kept))


def _was_given_up(step: Step) -> bool:
    """Some attempt of it, so that its own times don't tell when each ran."""
    return step.fence > 1 or step.retries > 0 or (step.started_at is not None and step.stays)


def _marks(found: Task, again: list[int]) -> list[timeline.Mark]:
    """Where attempts of these steps began and were given up."""
    told = events_of(found.tenant_id, found.id).filter(
        type__in=["STEP_STARTED", "STEP_RETRYING", "STEP_FROZEN"], payload__step__in=again
    )
    return [
        timeline.Mark(type_, payload["step"], payload["attempt"], at)
        for type_, payload, at in told.values_list("type", "payload", "created_at")
        if payload
    ]


def _waiting(steps: Sequence[Step], at: datetime, served: Collection[str]) -> list[Waiting]:
    """Retries first: they tell of trouble; then what waits for a worker, then what waits for other steps."""
    waits = [why_not_moving(step, at, served) for step in steps if step.stays]
    return sorted(waits, key=lambda wait: (wait.retry_in_s is None, wait.step.waits > 0, wait.step.n))


def _email(user: str) -> str:
    """Of who cancelled it; programs are recorded by a name of their own."""
    try:
        found = User.objects.filter(id=UUID(user)).values_list("email", flat=True).first()
    except ValueError:
        return user
    return found or ""
