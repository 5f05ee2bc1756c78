"""Websockets over the wire, against the real web process and workers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.cast import Cast, Person, make_cast, person
from tests.support.farm import Farm
from tests.support.pages import signed_in
from tests.support.printing import printing
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze
from webapp.orchestration.freezes import freeze, thaw
from webapp.tenants.models import ApiKey, Role, User

QUESTION = "What is (12.5 + 7.5) * 3?"
PRINTED = ("ours\n", "ours\nlast\n")  # what comes at the very end may be lost


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def open_socket(farm: Farm, path: str, who: Person | None, **headers: str) -> ClientConnection:
    sent = {**({"X-API-Key": who.api_key} if who else {}), **headers}
    return connect(f"ws://127.0.0.1:{farm.port}/api/v1/stream/ws{path}", additional_headers=sent, open_timeout=60)


def to_the_end(socket: ClientConnection) -> list[dict[str, Any]]:
    """All numbered events."""
    return [body for body in everything(socket) if "seq" in body]


def everything(socket: ClientConnection) -> list[dict[str, Any]]:
    """Fails unless the socket is closed with 1000 after STREAM_END."""
    told: list[dict[str, Any]] = []
    try:
        while True:
            told.append(json.loads(socket.recv(timeout=60)))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None and closed.rcvd.code == 1000
    return told


def test_a_task_is_told_from_the_first_event_to_the_end_as_its_history_has_it(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.owner.api_key, QUESTION)
    with open_socket(farm, f"?workflow_id={task}", cast.owner) as socket:
        told = to_the_end(socket)
    assert told == farm.events(cast.owner.api_key, task)
    assert [body["seq"] for body in told] == list(range(1, len(told) + 1)) and told[-1]["type"] == "STREAM_END"


def test_it_resumes_after_a_number_and_filters_by_type_and_always_tells_the_end(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.owner.api_key, QUESTION)
    farm.finished(cast.owner.api_key, task)
    with open_socket(farm, f"?workflow_id={task}&last_event_id=3", cast.owner) as socket:
        assert to_the_end(socket)[0]["seq"] == 4
    with open_socket(farm, f"?workflow_id={task}&types=WORKFLOW_COMPLETED", cast.owner) as socket:
        assert [body["type"] for body in to_the_end(socket)] == ["WORKFLOW_COMPLETED", "STREAM_END"]


def test_what_code_prints_is_told_before_its_step_is_done_and_to_nobody_else(farm: Farm, cast: Cast) -> None:
    with nothing_printed_yet(cast.owner, cast.stranger) as may_print:
        task = farm.submit(cast.owner.api_key, **printing("ours", between_s=2))
        theirs = farm.submit(cast.stranger.api_key, **printing("theirs", between_s=2))
        told, heard_by_other, frames = listened(farm, cast, task, theirs, may_print)
    printed = [body for body in told if body["type"] == "TOOL_OUTPUT"]
    assert said(printed, "stdout") in PRINTED and said(printed, "stderr") == "careful\n"
    types = [body["type"] for body in told]
    assert types.index("TOOL_INVOKED") < types.index("TOOL_OUTPUT") < types.index("TOOL_OBSERVATION")
    assert "last" not in printed[0]["message"], "it was still to be printed"
    [observed] = [body for body in told if body["type"] == "TOOL_OBSERVATION"]
    assert observed["message"] == "ours\nlast\n" and observed["payload"]["step"] == printed[0]["payload"]["step"]
    assert {body["workflow_id"] for body in heard_by_other} == {theirs} and "ours" not in str(heard_by_other)
    streamed = [json.loads(f.partition("data: ")[2]) for f in frames if f.startswith("event: TOOL_OUTPUT\n")]
    assert said(streamed, "stdout") in PRINTED and said(streamed, "stderr") == "careful\n"
    assert not any("TOOL_OBSERVATION" in frame for frame in frames) and "[DONE]" in frames[-2]


@contextmanager
def nothing_printed_yet(*people: Person) -> Iterator[Callable[[], None]]:
    """Code of their tenants begins when it is called: who listens has to be there first."""
    with ExitStack() as frozen:

        def hold(who: Person) -> None:
            with tenant_scope(who.principal.tenant_id):
                kept = freeze(actor=who.user, kind="tool", subject="python_executor", reason="somebody is on the way")
            frozen.callback(let_go, who, kept)

        def let_go(who: Person, kept: Freeze) -> None:
            with tenant_scope(who.principal.tenant_id):
                thaw(actor=who.user, frozen=[kept])

        for who in people:
            hold(who)
        yield frozen.close


def listened(
    farm: Farm, cast: Cast, task: str, theirs: str, may_print: Callable[[], None]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """What the socket of each task's own and a stream were told."""
    sse = f"{farm.url}/api/v1/stream/sse?workflow_id={task}&types=TOOL_OUTPUT&api_key="
    with (
        open_socket(farm, f"?workflow_id={task}", cast.owner) as socket,
        open_socket(farm, f"?workflow_id={theirs}", cast.stranger) as other,
        httpx.stream("GET", sse + cast.operator.api_key, timeout=60) as answer,
    ):
        assert refused(farm, f"?workflow_id={task}", cast.stranger) == 404
        assert httpx.get(sse + cast.stranger.api_key).status_code == 404
        may_print()
        return everything(socket), everything(other), answer.read().decode().split("\n\n")


def said(printed: list[dict[str, Any]], stream: str) -> str:
    return "".join(body["message"] for body in printed if body["payload"]["stream"] == stream)


def refused(farm: Farm, path: str, who: Person | None, **headers: str) -> int:
    with pytest.raises(InvalidStatus) as answer, open_socket(farm, path, who, **headers):
        pass
    return int(answer.value.response.status_code)


def test_who_may_not_gets_the_status_as_over_http(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.owner.api_key, QUESTION)
    assert refused(farm, f"?workflow_id={task}", None) == 401
    assert refused(farm, f"?workflow_id={task}&api_key=sk_{'0' * 64}", None) == 401
    assert refused(farm, f"?workflow_id={task}", cast.stranger) == 404, "another tenant's"
    assert refused(farm, f"?workflow_id={task}", cast.user) == 404, "a colleague's, for a user"
    assert refused(farm, f"?workflow_id={uuid4()}", cast.owner) == 404
    assert refused(farm, f"?session_id={uuid4()}", cast.owner) == 404
    assert refused(farm, "", cast.owner) == 400
    assert refused(farm, f"?workflow_id={task}&last_event_id=x", cast.owner) == 400
    with open_socket(farm, f"?workflow_id={task}&api_key={cast.operator.api_key}", None) as socket:
        assert to_the_end(socket), "operators look after the whole tenant"


def test_a_session_cookie_counts_from_our_own_pages_only(farm: Farm, cast: Cast) -> None:
    task = farm.submit(cast.owner.api_key, QUESTION)
    cookie = signed_in(cast.owner).cookies["hartley_session"].value
    own = {"Cookie": f"hartley_session={cookie}", "Origin": f"http://127.0.0.1:{farm.port}"}
    with open_socket(farm, f"?workflow_id={task}", None, **own) as socket:
        assert to_the_end(socket)
    assert refused(farm, f"?workflow_id={task}", None, **{**own, "Origin": "https://evil.example"}) == 401


def test_the_feed_tells_a_tenants_tasks_and_nobody_elses(farm: Farm) -> None:
    cast = make_cast()  # a feed begins with what changed in the last seconds
    with (
        open_socket(farm, "/tenant", cast.operator) as watches,
        open_socket(farm, "/tenant", cast.user) as own,
        open_socket(farm, "/tenant", cast.stranger) as stranger,
    ):
        mine = farm.submit(cast.owner.api_key, QUESTION)
        users = farm.submit(cast.user.api_key, QUESTION)
        theirs = farm.submit(cast.stranger.api_key, QUESTION)
        # Tasks of earlier tests may still be running, so these three alone are looked for.
        ours = {mine, users, theirs}
        assert ended(watches, {mine, users}) & ours == {mine, users}
        assert ended(own, {users}) & ours == {users}
        assert ended(stranger, {theirs}) & ours == {theirs}


def ended(socket: ClientConnection, wanted: set[str]) -> set[str]:
    """Reads until the wanted tasks have completed; every task that was named on the way."""
    named: set[str] = set()
    done: set[str] = set()
    while not wanted <= done:
        body = json.loads(socket.recv(timeout=60))
        named.add(body["workflow_id"])
        done |= {body["workflow_id"]} if body["status"] == "TASK_STATUS_COMPLETED" else set()
    return named


def test_a_session_tells_its_tasks_those_to_come_too_and_resumes_where_each_was_left(farm: Farm, cast: Cast) -> None:
    session = f"s-{uuid4().hex[:8]}"
    first = farm.submit(cast.user.api_key, QUESTION, session_id=session)
    farm.submit(cast.user.api_key, QUESTION, session_id=f"{session}-other")
    with open_socket(farm, f"?session_id={session}", cast.user) as socket:
        seen = session_events(socket, {first})
        second = farm.submit(cast.user.api_key, QUESTION, session_id=session)
        seen += session_events(socket, {second})
    for task in (first, second):
        of_task = [body["seq"] for body in seen if body["workflow_id"] == task]
        assert of_task == list(range(1, len(of_task) + 1))
    assert {body["workflow_id"] for body in seen} == {first, second}
    last = max(body["seq"] for body in seen if body["workflow_id"] == first)
    with open_socket(farm, f"?session_id={session}&after={first}:{last},{second}:2", cast.user) as socket:
        again = session_events(socket, {second})
    assert {body["workflow_id"] for body in again} == {second} and again[0]["seq"] == 3


def session_events(socket: ClientConnection, until_end_of: set[str]) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    while not until_end_of <= {body["workflow_id"] for body in seen if body["type"] == "STREAM_END"}:
        body = json.loads(socket.recv(timeout=60))
        seen += [body] if "seq" in body else []
    return seen


def test_a_session_is_found_by_the_name_its_owner_gave_it_and_each_end_passes_a_filter(farm: Farm, cast: Cast) -> None:
    session = f"s-{uuid4().hex[:8]}"
    task = farm.submit(cast.owner.api_key, QUESTION, session_id=session)
    with open_socket(farm, f"?session_id={session}&types=WORKFLOW_COMPLETED", cast.owner) as socket:
        types = [body["type"] for body in session_events(socket, {task})]
    assert types == ["WORKFLOW_COMPLETED", "STREAM_END"]
    assert refused(farm, f"?session_id={session}", cast.operator) == 404, "a name counts for who gave it"


def test_a_credential_that_is_revoked_ends_its_sockets(farm: Farm, cast: Cast) -> None:
    with open_socket(farm, "/tenant", cast.admin) as socket:
        with tenant_scope(cast.acme.id):
            ApiKey.objects.filter(user=cast.admin.user).update(is_active=False)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=60)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401


def test_a_credential_that_is_revoked_cuts_its_server_sent_events_without_an_end(farm: Farm, cast: Cast) -> None:
    who = person(cast.acme, "leaver", Role.USER)
    session = Task.objects.using("system").get(id=farm.submit(who.api_key, QUESTION)).session
    with tenant_scope(cast.acme.id):  # without steps it runs for ever
        task = Task.objects.create(tenant=cast.acme, user=who.user, session=session, mode="simple", complexity=0)
    address = f"{farm.url}/api/v1/stream/sse?workflow_id={task.id}&api_key={who.api_key}"
    with httpx.stream("GET", address, timeout=60) as answer:
        with tenant_scope(cast.acme.id):
            ApiKey.objects.filter(user=who.user).update(is_active=False)
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert httpx.get(address).status_code == 401
    with tenant_scope(cast.acme.id):
        task.delete()


def test_who_is_demoted_loses_the_view_of_the_whole_tenant(farm: Farm, cast: Cast) -> None:
    who = person(cast.acme, "demoted", Role.OPERATOR)
    with open_socket(farm, "/tenant", who) as socket:
        with tenant_scope(cast.acme.id):
            User.objects.filter(id=who.user.id).update(role=Role.USER)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=60)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401


def test_one_person_can_not_take_all_sockets(farm: Farm, cast: Cast) -> None:
    with ExitStack() as sockets:
        for _ in range(20):
            sockets.enter_context(open_socket(farm, "/tenant", cast.stranger))
        assert refused(farm, "/tenant", cast.stranger) == 429
        with open_socket(farm, "/tenant", cast.owner):
            pass


async def test_the_reference_platforms_client_streams_by_websocket(farm: Farm, cast: Cast) -> None:
    from shannon import AsyncShannonClient

    task = farm.submit(cast.owner.api_key, QUESTION)
    async with AsyncShannonClient(base_url=farm.url, api_key=cast.owner.api_key) as client:
        types = [event.type async for event in client.stream_ws(task)]
    assert types[-1] == "STREAM_END" and "WORKFLOW_COMPLETED" in types
