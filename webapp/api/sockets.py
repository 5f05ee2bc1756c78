"""Websockets: a task's events, a session's, and the tenant's feed. The same events and numbers as over SSE.

Channels carries the sockets; what they tell comes from the process's hub, not from channel layer groups.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from http.cookies import SimpleCookie
from typing import Any, cast
from urllib.parse import parse_qs
from uuid import UUID

import structlog
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError

from webapp.agent_sessions.selectors import find_session, find_visible_session
from webapp.agent_tasks.selectors import visible_tasks
from webapp.api.authentication import principal_of_credential
from webapp.api.places import NoPlace, place
from webapp.api.stream import find, follow
from webapp.common.errors import HartleyError, Invalid, NotFound
from webapp.common.origins import is_of
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.progress import rules
from webapp.progress.followed import Told
from webapp.progress.hub import hub, in_thread
from webapp.progress.selectors import TaskChange
from webapp.progress.streamed import streamed_body
from webapp.tenants.pages_session import principal_of_session
from webapp.tenants.rules import Principal

ENDED, TRY_AGAIN, CREDENTIAL_GONE = 1000, 1011, 4401
log = structlog.get_logger()


class Refused(HartleyError):
    """Before the socket opens: the client gets this status as the answer to its handshake."""

    def __init__(self, status: int, text: str) -> None:
        self.answer_status = status
        super().__init__(text)


class Socket(AsyncWebsocketConsumer):
    """Opens for whoever may read tasks, tells, and listens to nothing: what clients send is ignored."""

    scope_needed = "workflows:read"
    ended_with = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """However it ends, nothing of it stays."""
        with ExitStack() as self.leaving:
            await super().__call__(scope, receive, send)

    async def connect(self) -> None:
        try:
            self.who = await in_thread(self._principal)
            told = await self.begin(self.asked)
            self.leaving.enter_context(place(self.who.user_id))
        except (Refused, NoPlace, NotFound, Invalid) as error:
            await self._refuse(getattr(error, "answer_status", error.status), str(error))
            return
        await self.accept()
        teller = asyncio.create_task(self._tell(told))
        watcher = asyncio.create_task(self._watch(teller))
        self.leaving.callback(teller.cancel)
        self.leaving.callback(watcher.cancel)

    async def begin(self, asked: Mapping[str, str]) -> AsyncGenerator[str, None]:
        """
        What will be told, one text per message; it ends when there is nothing more.

        Raises:
            NotFound, Invalid
        """
        raise NotImplementedError

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Ignored; the server's limit on the size of messages holds before this."""

    @property
    def asked(self) -> Mapping[str, str]:
        query = parse_qs(self.scope["query_string"].decode(errors="replace"))
        return {name: values[-1] for name, values in query.items()}

    async def _tell(self, told: AsyncGenerator[str, None]) -> None:
        try:
            async with aclosing(told):
                async for text in told:
                    await self.base_send({"type": "websocket.send", "text": text})
            await self._end(ENDED)
        except asyncio.CancelledError:
            if self.ended_with:
                await self._end(self.ended_with)
            raise
        except OSError:
            pass  # the client has gone
        except Exception:
            log.exception("socket.failed")
            await self._end(TRY_AGAIN)  # a client comes back and goes on after the last number it has

    async def _end(self, code: int) -> None:
        with suppress(OSError):  # the client was faster
            await self.close(code)

    async def _watch(self, teller: asyncio.Task[None]) -> None:
        """Beside the telling, so that a message costs no timer: is the credential still good?"""
        while not self.ended_with:
            await asyncio.sleep(settings.RECHECK_S)
            try:
                if await in_thread(self._principal) != self.who:  # what is told was chosen for who they were
                    self.ended_with = CREDENTIAL_GONE
            except Refused:
                self.ended_with = CREDENTIAL_GONE
            except DatabaseError as error:  # looked at again the next time
                log.warning("socket.not_rechecked", error=type(error).__name__)
        teller.cancel()

    # --- who is calling ---

    def _principal(self) -> Principal:
        """
        By header, else by query, else by the session of our own pages.

        Raises:
            Refused
        """
        credential = self._credential()
        who = principal_of_credential(credential) if credential else self._signed_in()
        if who is None:
            raise Refused(401, "A valid API key or access token is required")
        if not who.may(self.scope_needed):
            raise Refused(403, f"The credential lacks the scope {self.scope_needed}")
        return who

    def _credential(self) -> str | None:
        if key := self._header(b"x-api-key"):
            return key
        parts = self._header(b"authorization").split(" ")
        if len(parts) == 2 and parts[0].lower() == "bearer":
            return parts[1]
        return self.asked.get("api_key") or self.asked.get("token")

    def _signed_in(self) -> Principal | None:
        """A cookie travels with any site's request: it counts for our own pages only."""
        cookie = SimpleCookie(self._header(b"cookie")).get(settings.SESSION_COOKIE_NAME)
        if cookie is None or not is_of(self._header(b"origin"), self._header(b"host")):
            return None
        return principal_of_session(cast("Mapping[str, Any]", SessionStore(cookie.value)))

    def _header(self, name: bytes) -> str:
        return next((value.decode("latin1") for key, value in self.scope["headers"] if key == name), "")

    async def _refuse(self, status: int, text: str) -> None:
        """With its status where the server can say it, else as 403."""
        if "websocket.http.response" not in self.scope.get("extensions", {}):
            await self.close()
            return
        headers = [(b"content-type", b"application/json")]
        await self.base_send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await self.base_send({"type": "websocket.http.response.body", "body": json.dumps({"error": text}).encode()})
        raise StopConsumer


class Events(Socket):
    """`?workflow_id=` one task, `?session_id=` all of a session's; `types` filters, `last_event_id` resumes a task."""

    async def begin(self, asked: Mapping[str, str]) -> AsyncGenerator[str, None]:
        wanted = rules.wanted_types(asked.get("types"))
        if name := asked.get("workflow_id"):
            after = rules.resume_after(self._header(b"last-event-id"), asked.get("last_event_id"))
            if after is None:
                raise Invalid(field="last_event_id", message="must be a number")
            task = await in_thread(partial(find, self.who, name))
            return _events(self.who.tenant_id, task.id, after, wanted)
        if name := asked.get("session_id"):
            places = rules.places(asked.get("after"))
            session = await in_thread(partial(_session, self.who, name))
            return _session_events(self.who, session, places, wanted)
        raise Invalid(field="workflow_id", message="is required, or session_id")


class Feed(Socket):
    """The tenant's tasks as they change: of everyone for operators and up, else one's own."""

    async def begin(self, asked: Mapping[str, str]) -> AsyncGenerator[str, None]:
        return _feed(self.who)


async def _events(tenant: UUID, task: UUID, seq: int, wanted: frozenset[str] | None) -> AsyncGenerator[str, None]:
    async with aclosing(follow(tenant, task, seq)) as heard_of:
        async for heard in heard_of:
            if isinstance(heard, Told):
                if rules.passes(heard.type, wanted):
                    yield heard.raw
            elif heard:
                for source, text in heard.items():
                    if rules.passes(source.type, wanted):
                        yield json.dumps(streamed_body(str(task), source, text))


def _session(who: Principal, name: str) -> UUID:
    with tenant_scope(who.tenant_id):
        own = find_session(who.tenant_id, who.user_id, name)  # by a name of their own, which others may have chosen too
        return (own or find_visible_session(who.tenant_id, who.watches, name)).id


def _tasks_of_session(who: Principal, session: UUID) -> dict[UUID, int]:
    """How far each has come."""
    with tenant_scope(who.tenant_id):
        tasks = visible_tasks(who.tenant_id, who.watches).filter(session_id=session).order_by("id")
        return dict(tasks.values_list("id", "seq"))


async def _session_events(
    who: Principal, session: UUID, places: dict[UUID, int], wanted: frozenset[str] | None
) -> AsyncGenerator[str, None]:
    """Each task's events in order, tasks side by side; a session has no end."""
    with hub().tenant(who.tenant_id).listen(who.watches, session) as listener:
        come_to = await in_thread(partial(_tasks_of_session, who, session))
        while True:
            for task, seq in come_to.items():
                with hub().task(who.tenant_id, task).listen() as events:
                    async with aclosing(events.up_to(seq, places.get(task, 0))) as found:
                        async for told in found:
                            places[task] = told.seq
                            if rules.passes(told.type, wanted):
                                yield told.raw
            await listener.wait()
            come_to = {change.task: change.seq for change in listener.take()}


async def _feed(who: Principal) -> AsyncGenerator[str, None]:
    with hub().tenant(who.tenant_id).listen(who.watches) as listener:
        while True:
            await listener.wait()
            for change in listener.take():
                yield json.dumps(_change(change))


def _change(change: TaskChange) -> JSON:
    return {
        "type": "TASK_CHANGED",
        "workflow_id": str(change.task),
        "session_id": str(change.session),
        "status": f"TASK_STATUS_{change.state.upper()}",
        "seq": change.seq,
        "steps": change.steps,
        "open_steps": change.open,
    }
