"""The page Tools: all that the tenant's agents may call, and a call of one from the page."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import signed_in
from tests.support.told_tools import tell_tools
from webapp.agent_tasks.models import Step, Task
from webapp.common.tenancy import tenant_scope
from webapp.tool_sources.models import ToolSource

SAID = {"rate_per_minute": 60, "timeout_s": 10, "dangerous": False, "auth": {"kind": "none"}}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def tried(client: Client, **typed: str) -> str:
    return client.post("/tools/try", urlencode(typed), "application/x-www-form-urlencoded")["Location"]


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
    assert "<option>calculator</option>" in page and "<option>odd_tool</option>" not in page
    theirs = signed_in(cast.stranger).get("/tools").content.decode()
    assert "calculator" in theirs and "ours_say" not in theirs


def test_a_call_from_the_page_is_a_task_of_the_persons_own(cast: Cast) -> None:
    tell_tools()
    client = signed_in(cast.operator)
    address = tried(client, tool="calculator", arguments='{"expression": "6 * 7"}')
    with tenant_scope(cast.acme.id):
        step = Step.objects.get(task_id=address.removeprefix("/tasks/"))
        assert step.input["arguments"] == {"expression": "6 * 7"}
    assert client.get(address).status_code == 200
    assert signed_in(cast.stranger).get(address).status_code == 404


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("calculator", "6 * 7", "must be a JSON object"),
        ("calculator", "[" * 100_000, "must be a JSON object"),
        ("no_such", "{}", "tool not found"),
        ("odd_tool", "{}", "is dangerous"),
    ],
)
def test_what_can_not_be_called_is_said_and_begins_nothing(cast: Cast, tool: str, arguments: str, said: str) -> None:
    tell_tools(dangerous=True)
    client = signed_in(cast.admin)
    assert tried(client, tool=tool, arguments=arguments) == "/tools"
    assert said in client.get("/tools").content.decode()
    with tenant_scope(cast.acme.id):
        assert not Task.objects.filter(user_id=cast.admin.user.id).exists()
