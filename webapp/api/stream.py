"""Server-sent events of one task: history first, then live, to the end; resumable by number."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import partial
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from webapp.agent_tasks.models import Task
from webapp.agent_tasks.selectors import find_task
from webapp.api.authentication import REALM, principal_of
from webapp.api.places import NoPlace, check_place, place
from webapp.common.errors import NotFound
from webapp.common.tenancy import tenant_scope
from webapp.progress import rules
from webapp.progress.followed import Told
from webapp.progress.hub import hub, in_thread
from webapp.progress.streamed import Source, streamed_frame
from webapp.tenants.rules import Principal


async def sse(request: HttpRequest) -> HttpResponseBase:
    principal = await in_thread(partial(principal_of, request))
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
        task = await in_thread(partial(find, principal, name))
        check_place(principal.user_id)
    except (NotFound, NoPlace) as error:
        return JsonResponse({"error": str(error)}, status=error.status)
    response = StreamingHttpResponse(
        _frames(request, principal, task, after, rules.wanted_types(request.GET.get("types"))),
        content_type="text/event-stream",
    )
    response["Cache-Control"] = "no-cache"
    response["X-Accel-Buffering"] = "no"
    return response


class CredentialGone(Exception):
    """Ends a stream as a lost connection would: a clean end would tell the client that there is nothing more."""


async def _frames(
    request: HttpRequest, principal: Principal, task: Task, seq: int, wanted: frozenset[str] | None
) -> AsyncIterator[str]:
    """
    Ends after STREAM_END and only then: a clean end tells clients that there is nothing more.

    It takes its place when it begins, since a response whose client has left before is never asked for anything.
    """
    checked_at = time.monotonic()
    with place(principal.user_id):
        yield ": connected\n\n"
        async with aclosing(follow(principal.tenant_id, task.id, seq)) as heard_of:
            async for heard in heard_of:
                if time.monotonic() - checked_at > settings.RECHECK_S:
                    checked_at = time.monotonic()
                    if await in_thread(partial(principal_of, request)) != principal:
                        raise CredentialGone
                if heard is None:
                    yield ": ping\n\n"
                elif isinstance(heard, Told):
                    if rules.passes(heard.type, wanted):
                        yield heard.frame
                else:
                    for source, text in heard.items():
                        if rules.passes(source.type, wanted):
                            yield streamed_frame(str(task.id), source, text)


async def follow(tenant: UUID, task: UUID, seq: int) -> AsyncGenerator[Told | dict[Source, str] | None, None]:
    """
    Every event after `seq`, in order, up to STREAM_END; between them streamed text by its source, and None now and
    then for a sign of life. Nothing, for who has heard the end already.
    """
    spoke_at = time.monotonic()
    with hub().task(tenant, task).listen() as listener:
        while True:
            found = await listener.after(seq)
            for told in found:
                seq = told.seq
                yield told
                if told.type == rules.END:
                    return
            if found:
                spoke_at = time.monotonic()
                continue
            if listener.at_end(seq):
                return
            if text := listener.take_text():
                spoke_at = time.monotonic()
                yield text
            if time.monotonic() - spoke_at >= settings.SSE_PING_S:
                spoke_at = time.monotonic()
                yield None
            await listener.wait()


def find(principal: Principal, name: str) -> Task:
    """
    Raises:
        NotFound
    """
    with tenant_scope(principal.tenant_id):
        return find_task(principal.tenant_id, principal.watches, name)
