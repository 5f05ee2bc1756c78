"""The page Tools: all that the tenant's agents may call, and a call of one from the page."""

from __future__ import annotations

from html import unescape
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.test import Client
from django.utils.html import escape

from tests.support.cast import Cast, Person, make_cast
from tests.support.pages import at_most, signed_in
from tests.support.told_tools import tell_tools
from webapp.agent_tasks.models import Step, Task
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze
from webapp.orchestration.control import cancel_task
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.submit import Submission, submit_task
from webapp.tool_sources.models import ToolSource

SAID = {"rate_per_minute": 60, "timeout_s": 10, "dangerous": False, "auth": {"kind": "none"}}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def tried(client: Client, **typed: str) -> Any:
    return client.post("/tools/try", urlencode(typed), "application/x-www-form-urlencoded")


def page_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def tasks_of(person: Person) -> int:
    with tenant_scope(person.user.tenant_id):
        return Task.objects.filter(user_id=person.user.id).count()


def frozen(cast: Cast, kind: str, subject: str) -> Freeze:
    with tenant_scope(cast.acme.id):
        return freeze(actor=cast.admin.user, kind=kind, subject=subject, reason="A fault is looked for")


def test_it_lists_hartleys_tools_and_the_tenants_own_with_what_an_operator_wants_to_know(cast: Cast) -> None:
    tell_tools(dangerous=True, price_usd="0.02", rate_per_minute=30, untrusted=True, effect="acts")
    found = [
        {"name": "say", "description": "<b>Says</b> it.", "parameters": {"type": "object"}, "call": {"tool": "say"}}
    ]
    with tenant_scope(cast.acme.id):
        ToolSource.objects.create(
            tenant=cast.acme,
            kind="mcp",
            name="ours",
            settings=SAID,
            tools=found,
            revision=1,
            created_by="a@example.com",
        )
    page = signed_in(cast.operator).get("/tools").content.decode()
    for said in ("calculator", "python_executor", "needs code_execution", "odd_tool", "dangerous", "30 a minute",
                 "$0.02", "untrusted result", "ours_say", "&lt;b&gt;Says"):  # fmt: skip
        assert said in page, said
    assert "/tools/try?tool=calculator" in page and "/tools/try?tool=odd_tool" not in page
    theirs = signed_in(cast.stranger).get("/tools").content.decode()
    assert "calculator" in theirs and "ours_say" not in theirs


def test_a_call_from_the_page_is_a_task_of_the_persons_own(cast: Cast) -> None:
    tell_tools()
    client = signed_in(cast.operator)
    opened = page_of(client.get("/tools/try?tool=calculator"))
    assert '"expression": ""' in opened and "6 * 7" not in opened and "free" in opened.lower()
    address = tried(client, tool="calculator", arguments='{"expression": "6 * 7"}')["Location"]
    with tenant_scope(cast.acme.id):
        step = Step.objects.get(task_id=address.removeprefix("/tasks/"))
        assert step.input["arguments"] == {"expression": "6 * 7"}
    assert client.get(address).status_code == 200
    assert signed_in(cast.stranger).get(address).status_code == 404


def test_an_ended_call_is_called_again_with_its_arguments_in_its_session(cast: Cast) -> None:
    tell_tools()
    client = signed_in(cast.operator)
    typed = {"tool": "calculator", "arguments": '{"expression": "1 + \\"</textarea>\\""}', "session": "sums"}
    first = tried(client, **typed)["Location"].removeprefix("/tasks/")
    cancel_task(principal=cast.operator.principal, task=UUID(first), reason="It shall end")
    with at_most(18):
        page = page_of(client.get(f"/tasks/{first}"))
    assert f"/tools/try?from={first}" in page and "/tasks/new?from=" not in page
    answer = client.get(f"/tools/try?from={first}")
    assert b'value="sums"' in answer.content and b"1 + \\&quot;&lt;/textarea&gt;" in answer.content
    again = tried(client, **typed)["Location"].removeprefix("/tasks/")
    with tenant_scope(cast.acme.id):
        tasks = [Task.objects.get(id=each) for each in (first, again)]
        steps = [Step.objects.get(task_id=each) for each in (first, again)]
    assert first != again and steps[0].input == steps[1].input and tasks[0].session_id == tasks[1].session_id
    admins = page_of(signed_in(cast.admin).get(f"/tools/try?from={first}"))
    assert "1 + " in admins and 'value="sums"' not in admins, "an admin calls in a session of its own"
    for who in (cast.user, cast.stranger):
        assert signed_in(who).get(f"/tools/try?from={first}").status_code == 404


def test_an_agents_task_is_run_again_as_one(cast: Cast) -> None:
    task = submit_task(principal=cast.operator.principal, submission=Submission(query="Ask"))
    cancel_task(principal=cast.operator.principal, task=task.id, reason="It shall end")
    client = signed_in(cast.operator)
    page = page_of(client.get(f"/tasks/{task.id}"))
    assert f"/tasks/new?from={task.id}" in page and "/tools/try" not in page
    assert client.get(f"/tools/try?from={task.id}").status_code == 404


@pytest.mark.parametrize(
    ("tool", "arguments", "said", "status"),
    [
        ("calculator", "6 * 7", "Must be a JSON object: Extra data", 400),
        ("calculator", "[1]", "Must be a JSON object", 400),
        ("calculator", "[" * 100_000, "Must be a JSON object", 400),
        ("no_such", "{}", "no tool called no_such", 404),
        ("odd_tool", "{}", "is dangerous", 403),
    ],
)
def test_what_can_not_be_called_is_said_beside_it_and_begins_nothing(
    cast: Cast, tool: str, arguments: str, said: str, status: int
) -> None:
    tell_tools(dangerous=True)
    before = tasks_of(cast.admin)
    answer = tried(signed_in(cast.admin), tool=tool, arguments=arguments)
    assert answer.status_code == status and said in page_of(answer)
    assert tool != "calculator" or escape(arguments) in answer.content.decode(), "what was typed stays"
    assert tasks_of(cast.admin) == before


def test_a_session_that_is_none_is_said_beside_its_field(cast: Cast) -> None:
    tell_tools()
    before = tasks_of(cast.admin)
    page = page_of(tried(signed_in(cast.admin), tool="calculator", arguments="{}", session="a b"))
    assert "must be 1 to 128" in page.lower().partition('data-error="session_id">')[2].partition("</p>")[0]
    assert tasks_of(cast.admin) == before


@pytest.mark.parametrize(("kind", "subject"), [("tool", "calculator"), ("tenant", "")])
def test_a_frozen_tool_is_said_to_be_at_once_and_nothing_begins(cast: Cast, kind: str, subject: str) -> None:
    tell_tools()
    kept, before = frozen(cast, kind, subject), tasks_of(cast.admin)
    try:
        client = signed_in(cast.admin)
        assert "A fault is looked for" in page_of(client.get("/tools/try?tool=calculator"))
        answer = tried(client, tool="calculator", arguments='{"expression": "1"}')
        assert answer.status_code == 409 and "A fault is looked for" in page_of(answer)
        assert ">frozen</a>" in page_of(client.get("/tools"))
        headers = {"X-API-Key": cast.admin.api_key}
        url = "/api/v1/tools/calculator/execute"
        told = client.post(url, {"arguments": {"expression": "1"}}, "application/json", headers=headers).json()
        assert told["code"] == "tool.frozen" and "A fault is looked for. Nothing was called" in told["error"]
        assert tasks_of(cast.admin) == before
        assert "A fault" not in page_of(signed_in(cast.stranger).get("/tools/try?tool=calculator"))
    finally:
        with tenant_scope(cast.acme.id):
            thaw(actor=cast.admin.user, frozen=[kept])
    assert tried(signed_in(cast.admin), tool="python_executor", arguments='{"code": "1"}').status_code == 302
