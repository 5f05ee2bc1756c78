"""What can't be called directly, and the tools that the web knows, without any worker."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from tests.support.cast import Cast
from tests.support.told_tools import tell_tools
from webapp.api.tool_calls import Refused, answer_of
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.tool_runs import CALL, DECIDE, ToolOutcome, steps_of
from webapp.orchestration.tools import KnownTool, find_tool, tools_of
from webapp.tool_modules.models import ModuleVersion, State, ToolModule
from webapp.tool_sources.in_force import SourceInForce
from webapp.tool_sources.models import ToolSource
from webapp.tool_sources.traits import traits_of

SAID = {"rate_per_minute": 60, "timeout_s": 10, "dangerous": False, "auth": {"kind": "none"}}


def ask(cast: Cast, path: str, body: Any = None) -> tuple[int, Any]:
    method = "GET" if body is None else "POST"
    headers = {"X-API-Key": cast.admin.api_key}
    answer: Any = Client().generic(method, path, json.dumps(body or {}), "application/json", headers=headers)
    return answer.status_code, json.loads(answer.content)


def test_a_dangerous_tool_is_for_agents_alone(cast: Cast) -> None:
    tell_tools(dangerous=True)
    assert "odd_tool" not in [tool["name"] for tool in ask(cast, "/api/v1/tools")[1]]
    for asked in (("/api/v1/tools/odd_tool",), ("/api/v1/tools/odd_tool/execute", {"arguments": {}})):
        status, body = ask(cast, *asked)
        assert (status, body["code"]) == (403, "tool.dangerous")
    with tenant_scope(cast.acme.id):
        assert not find_tool(cast.acme.id, "odd_tool").may_be_called_by(cast.owner.principal)


def test_a_tenants_own_never_takes_the_place_of_hartleys(cast: Cast) -> None:
    tell_tools()
    with tenant_scope(cast.acme.id):
        module = ToolModule.objects.create(tenant=cast.acme, name="calculator", active=1)
        ModuleVersion.objects.create(
            tenant=cast.acme, module=module, number=1, description="Not it.", wasm=b"", sha256="0" * 64, size_bytes=0,
            parameters={"type": "object"}, state=State.READY, created_by="a@example.com",
        )  # fmt: skip
        assert find_tool(cast.acme.id, "calculator").description != "Not it."
        module.delete()


def test_tools_of_a_source_are_called_by_its_name_and_theirs(cast: Cast) -> None:
    tell_tools()
    found = [{"name": "echo", "description": "Says it.", "parameters": {"type": "object"}, "call": {"tool": "echo"}}]
    with tenant_scope(cast.acme.id):
        source = ToolSource.objects.create(
            tenant=cast.acme,
            kind="mcp",
            name="files",
            settings=SAID,
            tools=found,
            revision=3,
            created_by="a@example.com",
        )
        tool = find_tool(cast.acme.id, "files_echo")
        source.delete()
    assert (tool.origin, tool.source, tool.version, tool.effect, tool.untrusted) == (
        "source",
        "files",
        "3",
        "acts",
        True,
    )
    with tenant_scope(cast.globex.id):
        assert "files_echo" not in [each.name for each in tools_of(cast.globex.id)]


def test_before_any_worker_told_there_are_none(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.orchestration.tools.tools_told", dict)
    with tenant_scope(cast.globex.id):
        assert tools_of(cast.globex.id) == []


def test_what_acts_is_decided_on_in_a_step_of_its_own() -> None:
    tool = KnownTool("t", "d", {}, effect="acts")
    assert [step.kind for step in steps_of(tool, {})] == [DECIDE, CALL]
    assert [step.kind for step in steps_of(KnownTool("t", "d", {}, effect="computes"), {})] == [CALL]


class OfATask:
    id = "0197"


def outcome(**changed: Any) -> ToolOutcome:
    return ToolOutcome(
        **{"state": "failed", "error": None, "output": None, "cost_usd": Decimal(0), "took_s": None} | changed
    )


@pytest.mark.parametrize(
    ("code", "status", "waits"),
    [
        ("rate_limit_exceeded", 429, 7),
        ("circuit_breaker_open", 503, 7),
        ("token_limit_exceeded", 402, None),
        ("request_timeout", 504, None),
        ("sandbox.unavailable", 502, None),
    ],
)
def test_a_call_that_was_not_made_has_a_status_of_its_own(code: str, status: int, waits: int | None) -> None:
    error = {"code": code, "message": "no", "retry_after_s": 6.6}
    refused = answer_of(OfATask(), outcome(error=error))  # type: ignore[arg-type]
    assert refused == Refused(status, code, "no", waits)


def test_tokens_are_the_price_at_a_fixed_rate_and_never_less_than_a_hundred() -> None:
    for cost, tokens in ((Decimal(0), 100), (Decimal("0.0002"), 100), (Decimal("0.01"), 5000)):
        body = answer_of(OfATask(), outcome(state="completed", output={"shown": {}}, cost_usd=cost))  # type: ignore[arg-type]
        assert isinstance(body, dict) and body["usage"]["tokens"] == tokens


@pytest.mark.parametrize(
    ("kind", "call", "said", "effect", "dangerous"),
    [
        ("openapi", {"method": "GET"}, {"dangerous": True}, "computes", False),
        ("openapi", {"method": "POST"}, {"dangerous": True}, "acts", True),
        ("mcp", {"tool": "echo"}, {"dangerous": False}, "acts", False),
        ("mcp", {"tool": "echo"}, {"reads": ["echo"]}, "computes", False),
        ("mcp", {"tool": "echo"}, {"reads": ["echo"], "dangerous": True}, "computes", True),
    ],
)
def test_what_a_tenant_said_of_a_source_counts_for_its_tools(
    kind: str, call: Any, said: Any, effect: str, dangerous: bool
) -> None:
    source = SourceInForce(
        id=uuid4(), kind=kind, name="s", address="", settings={**SAID, **said}, sealed=None, tools=[], revision=1,
        document="",
    )  # fmt: skip
    traits = traits_of(source, {"call": call})
    assert (traits["effect"], traits["dangerous"], traits["timeout_s"]) == (effect, dangerous, 10.0)
