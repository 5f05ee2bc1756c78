"""
MCP servers that others wrote, used by agents under policy: one from PyPI over stdio, one from npm over HTTP and stdio.

The second is fetched once; where there is no npm its tests are skipped, and say so.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.home import free_port
from tests.support.cast import Cast, Person, make_cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.npm import EVERYTHING, installed
from tests.support.standing import Standing
from webapp.agent_tasks.models import Step
from webapp.budgets.models import Hold
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision
from webapp.tool_sources.models import ToolSource

CLOCK = str(Path(sys.executable).parent / "mcp-server-time")
NOON = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
SAID = {
    "auth": {"kind": "none"},
    "tools": [],
    "command": "",
    "transport": "http",
    "rate_per_minute": 60,
    "timeout_s": 10,
    "dangerous": False,
}


@pytest.fixture(scope="module")
def everything() -> Path | None:
    folder = installed(EVERYTHING)
    return folder and folder / "dist" / "index.js"


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def over_http(everything: Path | None, port: int) -> Iterator[str]:
    """Its address."""
    if everything is None:
        pytest.skip("NPM IS ABSENT, or its package can't be had: no MCP server from npm was used")
    env = {"PATH": os.environ["PATH"], "PORT": str(port)}
    process = subprocess.Popen(
        ["node", str(everything), "streamableHttp"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    eventually(lambda: is_up(port))
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


def is_up(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def connected(standing: Standing, model_server: ModelServer, everything: Path | None, port: int) -> Farm:
    node = shutil.which("node")
    commands = {"clock": [CLOCK, "--local-timezone", "UTC"]}
    if everything and node:
        commands["everything"] = [node, str(everything), "stdio"]
    return standing.ask(
        {
            "OPENAI_BASE_URL": model_server.base_url,
            "OPENAI_API_KEY": "sk-scripted",
            "HARTLEY_MCP_COMMANDS": json.dumps(commands),
            "HARTLEY_EGRESS_ALLOW": "127.0.0.1",
            "HARTLEY_EGRESS_PLAIN_HTTP": "1",
            "HARTLEY_EGRESS_PORTS": str(port),
            "HARTLEY_SOURCE_CHECK_LOOK_S": "0.3",
        }
    )


@pytest.fixture
def crew(model_server: ModelServer) -> Iterator[Cast]:
    model_server.reset()
    yield make_cast()
    model_server.reset()


def registered(person: Person, name: str, *, address: str = "", **said: Any) -> dict[str, Any]:
    """The tools that the farm's workers found, by their own names."""
    tenant = person.user.tenant_id
    with tenant_scope(tenant):
        made = ToolSource.objects.create(
            tenant_id=tenant, kind="mcp", name=name, address=address, settings={**SAID, **said}, created_by="x@acme"
        )

    def looked() -> ToolSource | None:
        with tenant_scope(tenant):
            row = ToolSource.objects.get(id=made.id)
        return row if row.state != "checking" else None

    row = eventually(looked)
    assert row.state == "ready", row.reason
    return {tool["name"]: tool for tool in row.tools}


def asked(farm: Farm, model_server: ModelServer, person: Person, tool: str, arguments: Any) -> tuple[str, Any]:
    """The task of an agent whose model asks for one call, and what the call brought."""
    calls = [{"name": tool, "arguments": arguments}]
    model_server.script([{"match": {"last_role": "user"}, "reply": {"tool_calls": calls}}])
    task = farm.submit(person.api_key, "Use your tool", mode="simple")
    assert farm.finished(person.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    with tenant_scope(person.user.tenant_id):
        (step,) = Step.objects.filter(task_id=task, kind="tools.call")
    return task, (step.output or {}).get("shown") or step.error


def decisions(person: Person, task: str) -> list[tuple[str, str]]:
    with tenant_scope(person.user.tenant_id):
        found = PolicyDecision.objects.filter(task_id=task, point="tool_call")
        return [(each.subject, each.effect) for each in found]


def test_one_from_pypi_over_stdio_is_decided_held_and_told(
    connected: Farm, crew: Cast, model_server: ModelServer
) -> None:
    assert set(registered(crew.owner, "clock", transport="stdio", command="clock")) == {
        "convert_time",
        "get_current_time",
    }
    task, brought = asked(connected, model_server, crew.owner, "clock_convert_time", NOON)
    assert brought["ok"] and "21:00" in json.dumps(brought)
    offered = json.dumps(model_server.log()[0])
    assert "clock_convert_time" in offered
    assert decisions(crew.owner, task) == [("clock_convert_time", "allow")]
    with tenant_scope(crew.acme.id):
        assert [hold.state for hold in Hold.objects.filter(task_id=task, purpose="tool")] == ["settled"]
    kinds = [event["type"] for event in connected.events(crew.owner.api_key, task)]
    assert kinds.count("TOOL_INVOKED") == kinds.count("TOOL_OBSERVATION") == 1


def test_policy_stands_before_it_and_its_arguments_are_checked(
    connected: Farm, crew: Cast, model_server: ModelServer
) -> None:
    registered(crew.owner, "clock", transport="stdio", command="clock")
    _, brought = asked(connected, model_server, crew.user, "clock_convert_time", NOON)
    assert brought["error"]["code"] == "policy.denied"
    _, brought = asked(connected, model_server, crew.owner, "clock_convert_time", {"time": 12})
    assert brought["error"]["code"] == "tool.arguments_invalid" and "source_timezone" in brought["error"]["message"]
    _, brought = asked(connected, model_server, crew.owner, "clock_convert_time", {**NOON, "source_timezone": "Moon"})
    assert brought["error"]["code"] == "mcp.tool_failed" and "Moon" in brought["error"]["message"]


def test_another_tenant_has_nothing_of_it(connected: Farm, crew: Cast, model_server: ModelServer) -> None:
    registered(crew.owner, "clock", transport="stdio", command="clock")
    _, brought = asked(connected, model_server, crew.stranger, "clock_convert_time", NOON)
    assert brought["error"]["code"] == "tool.unknown" and "clock_" not in brought["error"]["message"].partition(";")[2]
    assert "clock_convert_time" not in json.dumps(model_server.log()[0].get("tools"))


@pytest.mark.parametrize("transport", ["http", "stdio"])
def test_one_from_npm_over_both_transports(
    connected: Farm, crew: Cast, model_server: ModelServer, over_http: str, transport: str
) -> None:
    place = {"address": over_http} if transport == "http" else {"command": "everything"}
    found = registered(crew.owner, "all", transport=transport, **place)
    assert {"echo", "get-sum", "get-tiny-image", "get-structured-content"} <= set(found)
    task, brought = asked(connected, model_server, crew.owner, "all_get_sum", {"a": 19, "b": 23})
    assert brought["ok"] and "42" in brought["text"]
    assert decisions(crew.owner, task) == [("all_get_sum", "allow")]
    _, brought = asked(connected, model_server, crew.owner, "all_get_structured_content", {"location": "New York"})
    assert set(brought["value"]) == {"temperature", "conditions", "humidity"}
    _, brought = asked(connected, model_server, crew.owner, "all_get_tiny_image", {})
    assert [made["media_type"] for made in brought["artifacts"]] == ["image/png"]
    if transport == "stdio":
        _, brought = asked(connected, model_server, crew.owner, "all_get_env", {})
        assert set(json.loads(brought["text"])) == {"PATH", "HOME", "LANG"}
