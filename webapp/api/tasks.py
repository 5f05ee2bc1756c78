"""Tasks over HTTP: submit, look at, list, cancel."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from webapp.agent_sessions.selectors import find_session
from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Task, TaskState
from webapp.agent_tasks.presence import queues_served
from webapp.agent_tasks.rules import why_not_moving
from webapp.api import presenters
from webapp.api.idempotency import idempotent, place_of
from webapp.api.submission import SUBMISSION, read_submission
from webapp.budgets.selectors import model_breakdown
from webapp.common.errors import Invalid
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.control import cancel_task, pause_task, place_in_line, resume_task
from webapp.orchestration.submit import submit_task
from webapp.progress.selectors import event_body, events_of
from webapp.tenants.rules import Principal

STATES = {
    **{state.value.upper(): [state.value] for state in TaskState},
    "CANCELED": ["cancelled"],
}

FURTHEST = 10**9  # more rows than anybody pages through, and a number that Postgres can count to


def caller(request: Request) -> Principal:
    return cast(Principal, request.user)


def named_task(request: Request, name: str) -> Task:
    """
    The task of the route, for what opens its own scope.

    Raises:
        NotFound: also for another's.
    """
    who = caller(request)
    with tenant_scope(who.tenant_id):
        return selectors.find_task(who.tenant_id, who.watches, name)


def page(request: Request, name: str, default: int, *, least: int, most: int = FURTHEST) -> int:
    """A number of the query string, in its range or refused."""
    raw = request.query_params.get(name, str(default))
    if not raw.isdecimal() or len(raw) > len(str(most)) or not least <= int(raw) <= most:
        raise Invalid(field=name, message=f"must be a whole number from {least} to {most}")
    return int(raw)


REASON = {"type": "object", "properties": {"reason": {"type": "string"}}}


class Tasks(APIView):
    """Submit a task; list one's own, the newest first."""

    scopes: ClassVar = {"GET": "workflows:read", "POST": "workflows:write"}
    bodies: ClassVar = {"POST": SUBMISSION}
    queries: ClassVar = {"GET": {"limit": int, "offset": int, "status": str, "session_id": str}}

    @idempotent
    def post(self, request: Request) -> Response:
        task = _submit(request)
        waiting = presenters.waiting_body(task)
        body = {
            "task_id": str(task.id),
            "status": "STATUS_CODE_OK",
            "message": f"Task waits: {task.pause_reason}" if waiting else "Task submitted",
            "created_at": presenters.moment(task.created_at),
            **waiting,
        }
        return Response(body, headers=ids_of(task))

    def get(self, request: Request) -> Response:
        limit = page(request, "limit", 20, least=1, most=100)
        offset = page(request, "offset", 0, least=0)
        who = caller(request)
        with tenant_scope(who.tenant_id):
            tasks = selectors.tasks_of(who.tenant_id, who.user_id)
            if status := request.query_params.get("status"):
                name = status.upper().removeprefix("TASK_STATUS_")
                if name not in STATES:
                    raise Invalid(field="status", message=f"must be one of {', '.join(STATES)}")
                tasks = tasks.filter(state__in=STATES[name])
            if wanted := request.query_params.get("session_id"):
                session = find_session(who.tenant_id, who.user_id, wanted)
                tasks = tasks.filter(session=session) if session else tasks.none()
            rows = [presenters.task_row(task) for task in tasks[offset : offset + limit]]
            return Response({"tasks": rows, "total_count": tasks.count()})


class TaskStream(APIView):
    """Submit and be told where to listen."""

    scopes: ClassVar = {"POST": "workflows:write"}
    bodies: ClassVar = {"POST": SUBMISSION}

    @idempotent
    def post(self, request: Request) -> Response:
        task = _submit(request)
        url = f"/api/v1/stream/sse?workflow_id={task.id}"
        body = {
            "workflow_id": str(task.id),
            "task_id": str(task.id),
            "stream_url": url,
            **presenters.waiting_body(task),
        }
        return Response(body, status=201, headers={**ids_of(task), "Link": f"<{url}>; rel=stream"})


class OneTask(APIView):
    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request, name: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            task = selectors.find_task(who.tenant_id, who.watches, name)
            agents = selectors.count_agents(who.tenant_id, task.id)
            body = presenters.task_body(task, model_breakdown(who.tenant_id, task.id), agents)
            if stopped := selectors.stops_of(who.tenant_id, task.id):
                body["stopped_by"] = stopped
        return Response(body, headers={"X-Workflow-ID": str(task.id)})


class TaskSteps(APIView):
    """The DAG as it stands: each step with its parents, state and attempt, and `why` it does not move while it waits."""

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request, name: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            task = selectors.find_task(who.tenant_id, who.watches, name)
            now, served = timezone.now(), queues_served(settings.WORKER_SEEN_S) if task.is_open else ()
            steps = [
                presenters.step_body(step, why_not_moving(step, now, served).reason if step.stays else None)
                for step in selectors.steps_of(who.tenant_id, task.id)
            ]
        return Response({"task_id": str(task.id), "steps": steps, "count": len(steps)})


class TaskEvents(APIView):
    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})
    queries: ClassVar = {"GET": {"limit": int, "offset": int}}

    def get(self, request: Request, name: str) -> Response:
        limit = page(request, "limit", 50, least=1, most=200)
        offset = page(request, "offset", 0, least=0)
        who = caller(request)
        with tenant_scope(who.tenant_id):
            task = selectors.find_task(who.tenant_id, who.watches, name)
            found = events_of(who.tenant_id, task.id)[offset : offset + limit]
            events = [event_body(event) for event in found]
        return Response({"events": events, "count": len(events)})


class CancelTask(APIView):
    scopes: ClassVar = {"POST": "workflows:write"}

    bodies: ClassVar = {"POST": REASON}

    @idempotent
    def post(self, request: Request, name: str) -> Response:
        task = named_task(request, name)
        cancelled = cancel_task(principal=caller(request), task=task.id, reason=_reason(request))
        message = "Task cancelled" if cancelled else f"Task has already ended: {task.state}"
        return Response({"success": cancelled, "message": message}, status=202)


class PauseTask(APIView):
    scopes: ClassVar = {"POST": "workflows:write"}
    bodies: ClassVar = {"POST": REASON}

    @idempotent
    def post(self, request: Request, name: str) -> Response:
        task = named_task(request, name)
        pause_task(principal=caller(request), task=task.id, reason=_reason(request))
        return Response({"success": True, "message": "Task paused", "task_id": str(task.id)}, status=202)


class ResumeTask(APIView):
    scopes: ClassVar = {"POST": "workflows:write"}
    bodies: ClassVar = {"POST": REASON}

    @idempotent
    def post(self, request: Request, name: str) -> Response:
        task = named_task(request, name)
        resume_task(principal=caller(request), task=task.id, reason=_reason(request))
        return Response({"success": True, "message": "Task resumed", "task_id": str(task.id)}, status=202)


class ControlState(APIView):
    """Is it paused or cancelled, by whom and why; its place in the line while it is queued."""

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request, name: str) -> Response:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            task = selectors.find_task(who.tenant_id, who.watches, name)
            line = place_in_line(who.tenant_id, task.id) if task.state == TaskState.QUEUED else None
            stop = selectors.last_effect(who.tenant_id, task)
        return Response(presenters.control_state(task, line, stop))


class Artifact(APIView):
    """A file of the task: attached to it or made by its tools. Always a download, never shown in our origin."""

    scopes: ClassVar = {"GET": "workflows:read"}
    unlimited: ClassVar = frozenset({"GET"})

    def get(self, request: Request, name: str, sha256: str) -> HttpResponse:
        who = caller(request)
        with tenant_scope(who.tenant_id):
            task = selectors.find_task(who.tenant_id, who.watches, name)
            known = {file["id"] for file in [*task.artifacts, *task.attachments]}
            content = selectors.find_content(who.tenant_id, sha256 if sha256 in known else "")
        response = HttpResponse(bytes(content.data), content_type=content.media_type)
        response["Content-Disposition"] = "attachment"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        return response


def _submit(request: Request) -> Task:
    """The row keeps the idempotency key, so that a repeated submit finds it whatever Redis remembers."""
    submission = read_submission(request.data)
    return submit_task(principal=caller(request), submission=submission, idempotency=place_of(request))


def ids_of(task: Task) -> dict[str, str]:
    return {"X-Workflow-ID": str(task.id), "X-Session-ID": task.session.external_id or str(task.session_id)}


def _reason(request: Request) -> str:
    """The body is optional, and a broken one is forgiven: a cancel must get through."""
    try:
        body: Any = request.data
    except Exception:
        return ""
    reason = body.get("reason") if isinstance(body, dict) else None
    return reason[:1000].replace("\0", "") if isinstance(reason, str) else ""
