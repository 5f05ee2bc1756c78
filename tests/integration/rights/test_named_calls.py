"""A task that says itself which tools are called, and with what, asks for the scope that calling one directly does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast, make_cast
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.tenants.services import issue_key

CALL = {"tool": "calculator", "arguments": {"expression": "6 * 7"}}
NAMED: dict[str, dict[str, Any]] = {
    "a tool's step": {"plan": {"steps": [{"id": "sum", "kind": "tool", **CALL}]}},
    "its other name": {"manual_decomposition": {"steps": [{"id": "sum", "kind": "tool", **CALL}]}},
    "an agent's first calls": {"plan": {"steps": [{"id": "sum", "description": "Add", "forced_tools": [CALL]}]}},
    "what undoes a step": {
        "plan": {"steps": [{"id": "a", "kind": "wait", "compensate": CALL}, {"id": "b", "description": "Add"}]}
    },
    "the task's first calls": {"forced_tools": [CALL]},
}
LEFT_OPEN: dict[str, dict[str, Any]] = {
    "no plan": {},
    "agents": {
        "plan": {
            "steps": [{"id": "think", "description": "Think"}, {"id": "rest", "kind": "wait", "depends_on": ["think"]}]
        }
    },
    "what they may call": {"allowed_tools": ["calculator"]},
}


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


def submit(cast: Cast, context: dict[str, Any], *scopes: str) -> tuple[int, dict[str, Any]]:
    key = issue_key(user=cast.owner.user, name="for one call", scopes=frozenset(scopes)).secret
    body = json.dumps({"query": "How much is it?", "context": context})
    answer = Client().post("/api/v1/tasks", body, "application/json", headers={"X-API-Key": key})
    return answer.status_code, answer.json()


def tasks(cast: Cast) -> int:
    with tenant_scope(cast.acme.id):
        return Task.objects.count()


@pytest.mark.parametrize("how", NAMED)
def test_calls_that_a_task_names_need_their_scope(how: str, cast: Cast) -> None:
    before = tasks(cast)
    status, body = submit(cast, NAMED[how], "workflows:write")
    assert status == 403
    assert "agents:execute" in body["error"]
    assert tasks(cast) == before
    assert submit(cast, NAMED[how], "workflows:write", "agents:execute")[0] == 200


@pytest.mark.parametrize("how", LEFT_OPEN)
def test_what_agents_choose_needs_none(how: str, cast: Cast) -> None:
    assert submit(cast, LEFT_OPEN[how], "workflows:write")[0] == 200
