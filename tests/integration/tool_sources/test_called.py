"""A public project's OpenAPI document becomes tools, which an agent calls at a server that implements it, under policy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.integration.tool_sources.conftest import Api
from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.lab import TOKEN, Lab, Said
from tests.support.model_server import ModelServer
from tests.support.standing import Standing
from webapp.agent_tasks.models import Task
from webapp.budgets.models import Hold
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision
from webapp.orchestration.policies import save_module
from webapp.workspaces.models import File

PUT, GET = "lab_put_lab_api_workspaces_space_name", "lab_get_lab_api_workspaces_space_name"
WRITES = {"name": PUT, "arguments": {"space_name": "a/b", "body": {"data": {"n": 42}, "metadata": {"id": "a/b"}}}}
READS = {"name": GET, "arguments": {"space_name": "a/b"}}

REFUSES = f"""package hartley.own

import rego.v1

deny contains "nothing is written there" if input.tool.name == "{PUT}"
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    running = Lab()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def connected(standing: Standing, model_server: ModelServer, lab: Lab) -> Farm:
    """Its operator lets requests go to the lab."""
    return standing.ask(
        {
            "OPENAI_BASE_URL": model_server.base_url,
            "OPENAI_API_KEY": "sk-scripted",
            "HARTLEY_EGRESS_ALLOW": "127.0.0.1",
            "HARTLEY_EGRESS_PLAIN_HTTP": "1",
            "HARTLEY_EGRESS_PORTS": str(lab.port),
        }
    )


def registered(farm: Farm, crew: Cast, lab: Lab) -> None:
    """By its address, and looked at by the farm's own workers."""
    asked = {"name": "lab", "kind": "openapi", "address": lab.url(), "auth": {"kind": "bearer"}, "secret": TOKEN}
    status, told = farm.call(crew.owner.api_key, "/api/v1/tool-sources", asked)
    assert status == 202, told
    eventually(lambda: Api(crew.owner).one()["state"] != "checking")
    found = Api(crew.owner).one()
    assert (found["state"], found["tool_count"], found["left_out"]) == ("ready", 12, []), found["reason"]


def test_a_whole_run_with_policy_hold_and_event(
    connected: Farm, crew: Cast, lab: Lab, model_server: ModelServer
) -> None:
    registered(connected, crew, lab)
    model_server.script(
        [
            {"match": {"last_role": "user"}, "reply": {"tool_calls": [WRITES]}},
            {"match": {"nth": 1}, "reply": {"tool_calls": [READS]}},
            {"reply": {"text": "The workspace holds 42."}},
        ]
    )
    key = crew.owner.api_key
    task = connected.submit(key, "Keep 42 in the workspace a/b", mode="simple")
    found = connected.finished(key, task)
    assert found["status"] == "TASK_STATUS_COMPLETED" and found["result"] == "The workspace holds 42.", found

    put, get = lab.asked
    assert (put.method, put.path) == ("PUT", "/lab/api/workspaces/a%2Fb") and json.loads(put.body)["data"] == {"n": 42}
    assert put.headers["idempotency-key"] and (get.method, "idempotency-key" in get.headers) == ("GET", False)
    asked = model_server.log()
    assert {PUT, GET} <= set(asked[0]["tools"])
    told = next(str(message["content"]) for message in asked[-1]["messages"][::-1] if message["role"] == "tool")
    assert '"n": 42' in told
    with tenant_scope(crew.acme.id):
        decisions = list(PolicyDecision.objects.filter(task_id=task, point="tool_call").order_by("id"))
        holds = list(Hold.objects.filter(task_id=task, purpose="tool").values_list("model", "state"))
    effects = [(each.subject, each.effect, each.input["tool"]["effect"]) for each in decisions]
    assert effects == [(PUT, "allow", "acts"), (GET, "allow", "computes")]
    assert sorted(holds) == sorted([(PUT, "settled"), (GET, "settled")])
    events = connected.events(key, task)
    assert [each["payload"]["tool"] for each in events if each["type"] == "TOOL_OBSERVATION"] == [PUT, GET]
    assert TOKEN not in json.dumps([events, found, asked])

    plan = {"steps": [{"id": "one", "kind": "tool", "tool": GET, "arguments": READS["arguments"]}]}
    theirs = connected.submit(crew.stranger.api_key, "Read theirs", context={"plan": plan})
    connected.finished(crew.stranger.api_key, theirs)
    assert "tool.unknown" in json.dumps(connected.steps(crew.stranger.api_key, theirs)) and len(lab.asked) == 2


def test_what_policy_refuses_is_not_sent_and_what_is_off_is_not_there(connected: Farm, crew: Cast, lab: Lab) -> None:
    registered(connected, crew, lab)
    before = len(lab.asked)
    with tenant_scope(crew.acme.id):
        save_module(actor=crew.owner.user, name="house_rules", source=REFUSES)
    assert "policy.denied" in brought(connected, crew)
    assert Api(crew.owner).call("PATCH", "/lab", is_enabled=False).status_code == 200
    eventually(lambda: "tool.unknown" in brought(connected, crew))
    assert len(lab.asked) == before


def test_an_answer_that_is_a_file_becomes_one_of_the_session(connected: Farm, crew: Cast, lab: Lab) -> None:
    registered(connected, crew, lab)
    key, session, image = crew.owner.api_key, uuid4().hex, b"\x89PNG\r\n\x1a\n" + bytes(2000)
    lab.answer = lambda asked: Said(200, image, {"Content-Type": "image/png"})
    try:
        asked = {"arguments": READS["arguments"], "session_id": session}
        status, told = connected.call(key, f"/api/v1/tools/{GET}/execute", asked)
    finally:
        lab.answer = lambda asked: None
    assert status == 200 and told["success"], told
    found, sha256 = told["output"], hashlib.sha256(image).hexdigest()
    assert (found["media_type"], found["size_bytes"], found["sha256"]) == ("image/png", len(image), sha256)
    with tenant_scope(crew.acme.id):
        file = File.objects.select_related("blob").get(path=found["path"], task=told["metadata"]["task_id"])
        session_of_task = Task.objects.get(id=file.task).session
    assert (file.blob.sha256, file.media_type, session_of_task.external_id) == (sha256, "image/png", session)


def brought(farm: Farm, crew: Cast) -> str:
    """What the one call of a plan came to."""
    plan = {"steps": [{"id": "one", "kind": "tool", "tool": PUT, "arguments": WRITES["arguments"]}]}
    task = farm.submit(crew.owner.api_key, "Keep it", context={"plan": plan})
    farm.finished(crew.owner.api_key, task)
    return json.dumps(farm.steps(crew.owner.api_key, task))
