"""Server-sent events of one task: history first, then live, to the end; resumable by number."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from webapp.agent_tasks.models import Task
from webapp.agent_tasks.selectors import find_task
from webapp.api.authentication import REALM, principal_of
from webapp.api.presenters import event_body
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.progress import rules
from webapp.progress.hub import hub
from webapp.progress.selectors import events_after
from webapp.tenants.rules import Principal

T = TypeVar("T")
BATCH = 200


async def sse(request: HttpRequest) -> HttpResponseBase:
    principal = await _in_thread(partial(principal_of, request))
    if principal is None:
        return JsonResponse({"error": "A valid API key is required"}, status=401, headers={"WWW-Authenticate": REALM})
    if "workflows:read" not in principal.scopes:
        return JsonResponse({"error": "The credential lacks the scope workflows:read"}, status=403)
    name = request.GET.get("workflow_id", "")
    if not name:
        return JsonResponse({"error": "workflow_id: is required"}, status=400)
    after = rules.resume_after(request.headers.get("Last-Event-ID"), request.GET.get("last_event_id"))
    if after is None:
        return JsonResponse({"error": "last_event_id: must be a number"}, status=400)
    try:
        task = await _in_thread(partial(_find, principal, name))
    except NotFound as error:
        return JsonResponse({"error": str(error)}, status=404)
    response = StreamingHttpResponse(
        _frames(principal, task, after, rules.wanted_types(request.GET.get("types"))), content_type="text/event-stream"
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


async def _frames(principal: Principal, task: Task, seq: int, wanted: frozenset[str] | None) -> AsyncIterator[str]:
    """Ends after STREAM_END and only then: a clean end tells clients that there is nothing more."""
    yield ": connected\n\n"
    spoke_at = time.monotonic()
    with hub().listen(str(task.id)) as listener:
        while True:
            events = await _in_thread(partial(_read, principal, task, seq))
            for body in events:
                seq = body["seq"]
                if rules.passes(body["type"], wanted):
                    spoke_at = time.monotonic()
                    yield rules.frame(body)
                if body["type"] == rules.END:
                    return
            if len(events) == BATCH:
                continue
            deltas = await listener.wait(settings.SSE_POLL_S)
            if wanted is None or "LLM_PARTIAL" in wanted:
                for agent, text in deltas.items():
                    spoke_at = time.monotonic()
                    yield rules.delta_frame(str(task.id), agent, text)
            if time.monotonic() - spoke_at >= settings.SSE_PING_S:
                spoke_at = time.monotonic()
                yield ": ping\n\n"


def _find(principal: Principal, name: str) -> Task:
    with tenant_scope(principal.tenant_id):
        return find_task(principal.tenant_id, principal.watches, name)


def _read(principal: Principal, task: Task, seq: int) -> list[JSON]:
    with tenant_scope(principal.tenant_id):
        return [event_body(event) for event in events_after(principal.tenant_id, task.id, seq, BATCH)]


async def _in_thread(call: Callable[[], T]) -> T:
    """In a shared thread, whose connection goes back to the pool at once: a stream holds none while it waits."""

    def closing() -> T:
        try:
            return call()
        finally:
            close_old_connections()

    result: Any = await sync_to_async(closing, thread_sensitive=False)()
    return result
