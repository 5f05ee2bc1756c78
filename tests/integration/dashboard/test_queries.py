"""How many queries a page costs: few, and as few for a large tenant as for a small one."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from tests.support.pages import at_most, signed_in
from tests.support.told_tools import tell_tools
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.freezes import freeze
from webapp.orchestration.submit import Submission, submit_task
from webapp.tool_sources.models import ToolSource

MOST = 15  # session and person take four, the scope two


@pytest.fixture(scope="module")
def cast() -> Cast:
    cast = make_cast()
    for number in range(30):
        submit_task(
            principal=cast.owner.principal, submission=Submission(query=f"Question {number}", session=f"s{number}")
        )
    tell_tools()
    with tenant_scope(cast.acme.id):
        ToolSource.objects.bulk_create(source(cast, number) for number in range(20))
        for number in range(20):
            freeze(actor=cast.admin.user, kind="tool", subject=f"s{number}_say", reason="for a test")
    return cast


def source(cast: Cast, number: int) -> ToolSource:
    found = [{"name": "say", "description": "Says it.", "parameters": {"type": "object"}, "call": {"tool": "say"}}]
    said = {"rate_per_minute": 60, "timeout_s": 10, "dangerous": False, "auth": {"kind": "none"}}
    return ToolSource(
        tenant=cast.acme,
        kind="mcp",
        name=f"s{number}",
        settings=said,
        tools=found,
        revision=1,
        created_by="a@example.com",
    )


@pytest.fixture(scope="module")
def client(cast: Cast) -> Client:
    return signed_in(cast.owner)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/tasks",
        "/tasks?status=running&q=Question&since=24h",
        "/sessions",
        "/budgets",
        "/budgets/ledger",
        "/budgets/savings",
        "/budgets/verify",
        "/alerts",
        "/workers",
        "/models",
        "/freezes",
        "/prompts",
        "/prompts/agent",
        "/prompts/agent/edit",
        "/keys",
        "/tools",
        "/tools/try?tool=calculator",
        "/tools/try?tool=s1_say",
        "/tool-sources",
        "/tool-sources/s1",
        "/tool-sources/s1/edit",
    ],
)
def test_a_list_costs_few_queries(path: str, client: Client) -> None:
    with at_most(MOST):
        answer = client.get(path)
    assert answer.status_code == 200


def test_a_task_and_a_step_cost_few_queries(client: Client, cast: Cast) -> None:
    task = submit_task(principal=cast.owner.principal, submission=Submission(query="One", mode="complex"))
    for path in (
        f"/tasks/{task.id}",
        f"/tasks/{task.id}/steps/1",
        f"/tasks/{task.id}/events",
        f"/sessions/{task.session_id}",
    ):
        with at_most(MOST + 2):
            assert client.get(path).status_code == 200


def test_the_list_is_filtered_by_its_address_and_paged_by_key(client: Client, cast: Cast) -> None:
    for number in range(60):
        submit_task(principal=cast.owner.principal, submission=Submission(query=f"Paged {number}", session="paged"))
    first = client.get("/tasks?q=Paged").content.decode()
    assert first.count("Paged ") >= 50 and "Paged 59" in first and "Paged 5<" not in first
    older = first.split("before=")[1].split('"')[0]
    submit_task(principal=cast.owner.principal, submission=Submission(query="Paged anew", session="paged"))
    second = client.get(f"/tasks?q=Paged&before={older}").content.decode()
    assert "Paged 5<" in second and "Paged 59" not in second and "anew" not in second, "a page stays while tasks arrive"
    assert "No task matches" in client.get("/tasks?q=nothing+like+it").content.decode()
    for odd in ("status=x", "since=x", "before=x", "q=%00", "session=x"):
        assert client.get(f"/tasks?{odd}").status_code == 200
