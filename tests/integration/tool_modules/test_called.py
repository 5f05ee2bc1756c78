"""A module is a tool like any other for its tenant's agents, through the same gate, and nothing for anybody else's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.tool_modules.conftest import SCHEMA, Api
from tests.support.cast import Cast, Person
from tests.support.farm import Farm, eventually
from tests.support.modules import HERE, compiled, has_clang, wasm
from webapp.agent_tasks.models import Step
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision


def on_farm(farm: Farm, person: Person, name: str, module: bytes, **changed: Any) -> dict[str, Any]:
    """Uploaded, and checked by the farm's own workers."""
    answer = Api(person).upload(module, name=name, **changed)
    assert answer.status_code == 202, answer.content

    eventually(lambda: Api(person).one(name)["versions"][0]["state"] != "checking")
    return Api(person).one(name)


def called(farm: Farm, person: Person, tool: str, arguments: dict[str, Any], **fields: Any) -> tuple[str, Any]:
    """The task, and what its one call brought."""
    plan = {"steps": [{"id": "one", "kind": "tool", "tool": tool, "arguments": arguments}]}
    context = {"plan": plan, **fields}
    task = farm.submit(person.api_key, "Call it", context=context)
    farm.finished(person.api_key, task)
    with tenant_scope(person.user.tenant_id):
        step = Step.objects.get(task_id=task, kind="tools.call")
    return task, (step.output or {}).get("shown") or step.error


def test_a_tenants_agents_call_it_and_another_tenants_do_not(farm: Farm, crew: Cast) -> None:
    assert on_farm(farm, crew.owner, "echo", wasm("echo"))["version"] == 1
    task, brought = called(farm, crew.owner, "echo", {"text": "grüß"})
    assert brought == {"ok": True, "value": {"text": "grüß"}}
    with tenant_scope(crew.acme.id):
        decisions = list(PolicyDecision.objects.filter(task_id=task, point="tool_call"))
    assert [(each.subject, each.effect) for each in decisions] == [("echo", "allow")]
    assert decisions[0].input["tool"]["permissions"] == ["code_execution"]
    kinds = [event["type"] for event in farm.events(crew.owner.api_key, task)]
    assert "TOOL_INVOKED" in kinds and "TOOL_OBSERVATION" in kinds
    ledger = farm.call(crew.owner.api_key, f"/api/v1/ledger?task_id={task}")[1]
    assert "echo" in json.dumps(ledger), "it was held and settled"
    _, theirs = called(farm, crew.stranger, "echo", {"text": "x"})
    assert theirs["code"] == "tool.unknown" and "echo," not in theirs["message"]
    _, users = called(farm, crew.user, "echo", {"text": "x"})
    assert users["code"] == "policy.denied", "it takes the permission to run code"


def test_arguments_are_checked_and_failures_are_told(farm: Farm, crew: Cast) -> None:
    on_farm(farm, crew.owner, "echo", wasm("echo"))
    _, brought = called(farm, crew.owner, "echo", {"txt": "x"})
    assert brought["code"] == "tool.arguments_invalid" and "text is required" in brought["message"]
    on_farm(farm, crew.owner, "fails", wasm("exit"))
    _, brought = called(farm, crew.owner, "fails", {"text": "x"})
    assert brought == {"code": "module.error", "message": "The module ended with exit code 3."}


def test_switched_off_or_replaced_it_is_so_at_once(farm: Farm, crew: Cast) -> None:
    on_farm(farm, crew.owner, "echo", wasm("exit"))
    assert on_farm(farm, crew.owner, "echo", wasm("echo"))["version"] == 2
    eventually(lambda: called(farm, crew.owner, "echo", {"text": "2"})[1] == {"ok": True, "value": {"text": "2"}})
    Api(crew.owner).call("PATCH", "/echo", is_enabled=False)
    eventually(lambda: called(farm, crew.owner, "echo", {"text": "3"})[1].get("code") == "tool.unknown")


def test_from_c_with_files_in_and_out(farm: Farm, crew: Cast, tmp_path: Path) -> None:
    if not has_clang():
        pytest.skip("CLANG FOR WASI IS ABSENT and can't be installed here: no module was built from C")
    on_farm(farm, crew.owner, "hello", compiled(HERE / "hello.c", tmp_path), parameters=SCHEMA | {"required": []})
    attached = [{"filename": "a.txt", "media_type": "text/plain", "data": "Z2l2ZW4="}]
    _, brought = called(farm, crew.owner, "hello", {}, attachments=attached)
    assert brought["stdout"] == "2|hello|{}|{}|given\n" and "reads passwd: 0" in brought["stderr"]
    assert brought["artifacts"] == [{"name": "made.txt", "media_type": "text/plain", "size_bytes": 4}]
