"""Prompt templates over the API: read, saved, put back, refused by name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.support.cast import Cast, Person
from webapp.prompts.release import shipped
from webapp.prompts.rules import KINDS

OWN = "You are an agent ({role}) of Acme, in a {params.tone} tone."
PATH = "/api/v1/prompts"


def call(person: Person, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    text = "" if body is None else json.dumps(body)
    given = {"X-API-Key": person.api_key, **headers}
    answer: HttpResponse = Client().generic(method, path, text, "application/json", headers=given)  # type: ignore[assignment]
    return answer.status_code, json.loads(answer.content)


def test_without_any_of_its_own_a_tenant_sees_what_is_shipped(crew: Cast) -> None:
    status, listed = call(crew.operator, "GET", PATH)
    assert status == 200 and [row["name"] for row in listed["prompts"]] == list(KINDS) and listed["count"] == 4
    agent = listed["prompts"][1]
    assert agent["version"] == "shipped" and agent["text"] == shipped("agent") and agent["required"] == ["role"]
    assert agent["sha256"] == hashlib.sha256(shipped("agent").encode()).hexdigest()
    assert call(crew.operator, "GET", f"{PATH}/agent")[1] == {**agent, "versions": []}
    status, found = call(crew.operator, "GET", f"{PATH}/agent/versions/shipped")
    assert status == 200 and found["text"] == shipped("agent") and found["in_force"] and found["created_at"] is None


def test_an_admin_saves_a_version_and_puts_the_shipped_one_back(crew: Cast) -> None:
    status, made = call(crew.admin, "POST", PATH, {"name": "agent", "text": OWN + "\r\n", "note": "our tone"})
    assert status == 201 and made["created_by"] == crew.admin.user.email and made["created_at"].endswith("Z")
    assert (made["version"], made["text"], made["parameters"], made["in_force"]) == (1, OWN, ["tone"], True)
    assert call(crew.operator, "GET", f"{PATH}/agent/versions/1") == (200, made)
    status, back = call(crew.owner, "POST", f"{PATH}/agent/in-force", {"version": "shipped"})
    assert status == 200 and back["version"] == "shipped" and back["in_force"]
    status, one = call(crew.operator, "GET", f"{PATH}/agent")
    assert one["version"] == "shipped" and [row["version"] for row in one["versions"]] == [1]
    assert call(crew.owner, "POST", f"{PATH}/agent/in-force", {"version": 1})[1]["version"] == 1
    assert call(crew.operator, "GET", f"{PATH}/agent")[1]["text"] == OWN


def test_an_idempotency_key_saves_once(crew: Cast) -> None:
    first, again = (
        call(crew.admin, "POST", PATH, {"name": "agent", "text": OWN}, **{"Idempotency-Key": "one"}) for _ in "12"
    )
    assert first == again and first[0] == 201


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "agent", "text": "no role"}, "text: {role} is missing"),
        ({"name": "agent", "text": "{role} {who}"}, "text: {who} is unknown; it may have {role}, {params.name}"),
        ({"name": "agent", "text": "{role}" * 5000}, "text: has 30000 characters; the limit is 20000"),
        ({"name": "agent", "text": 3}, "text: must be a string"),
        ({"name": "agent"}, "text: must be a string"),
        ({"name": ["agent"], "text": OWN}, "name: must be one of planner, agent, hypotheses, editor"),
        ({"name": "agent", "text": OWN, "note": "x" * 201}, "note: must be a string of at most 200 characters"),
        ([], "body: must be a JSON object"),
    ],
)
def test_a_mistake_is_told_with_its_field_and_limit(body: Any, said: str, crew: Cast) -> None:
    assert call(crew.admin, "POST", PATH, body) == (400, {"error": said, "code": "invalid"})


@pytest.mark.parametrize("version", [0, 7, -1, 10**30, "1", "x", None, True, {}])
def test_what_is_no_version_can_not_be_in_force(version: Any, crew: Cast) -> None:
    assert call(crew.admin, "POST", f"{PATH}/agent/in-force", {"version": version})[0] in (400, 404)
    assert call(crew.admin, "GET", f"{PATH}/agent")[1]["version"] == "shipped"


@pytest.mark.parametrize("path", ["/nobody", "/agent/versions/1", "/agent/versions/0", "/agent/versions/-1",
                                  "/nobody/versions/shipped", f"/agent/versions/{'9' * 40}"])  # fmt: skip
def test_what_is_not_there_is_not_found(path: str, crew: Cast) -> None:
    assert call(crew.owner, "GET", PATH + path)[0] == 404


def test_another_tenant_finds_nothing_and_lower_roles_may_not(crew: Cast) -> None:
    assert call(crew.admin, "POST", PATH, {"name": "agent", "text": OWN})[0] == 201
    assert call(crew.stranger, "GET", f"{PATH}/agent/versions/1")[0] == 404
    assert call(crew.stranger, "POST", f"{PATH}/agent/in-force", {"version": 1})[0] == 404
    assert "Acme" not in json.dumps(call(crew.stranger, "GET", PATH)[1])
    for person, method in ((crew.user, "GET"), (crew.user, "POST"), (crew.operator, "POST")):
        body = {"name": "agent", "text": "{role}"} if method == "POST" else None
        assert call(person, method, PATH, body)[0] == 403


def test_a_task_says_which_versions_it_is_pinned_to(crew: Cast) -> None:
    call(crew.admin, "POST", PATH, {"name": "agent", "text": OWN})
    context = {"prompt_params": {"tone": "dry"}}
    status, made = call(crew.user, "POST", "/api/v1/tasks", {"query": "What is 2 + 2?", "context": context})
    assert status == 200, made
    call(crew.admin, "POST", PATH, {"name": "agent", "text": OWN + " Be brief."})
    metadata = call(crew.user, "GET", f"/api/v1/tasks/{made['task_id']}")[1]["metadata"]
    assert metadata["prompts"] == {"agent": 1} and metadata["task_context"] == context
    call(crew.user, "POST", f"/api/v1/tasks/{made['task_id']}/cancel", {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"toon": "dry"}, "context.prompt_params: unknown: toon; no prompt in force uses any"),
        ({"tone": 3}, "context.prompt_params.tone: must be a string of at most 2000 characters"),
        ({"tone": "x" * 2001}, "context.prompt_params.tone: must be a string of at most 2000 characters"),
        ({"Tone": "x"}, "context.prompt_params: 'Tone' is no name: 1 to 40 of a-z, 0-9, _, first a letter"),
        ({f"p{n}": "" for n in range(21)}, "context.prompt_params: has 21 entries; the limit is 20"),
        ("dry", "context.prompt_params: must be an object"),
    ],
)
def test_parameters_of_a_task_are_checked_when_it_is_submitted(given: Any, said: str, crew: Cast) -> None:
    body = {"query": "q", "context": {"prompt_params": given}}
    assert call(crew.user, "POST", "/api/v1/tasks", body) == (400, {"error": said, "code": "invalid"})
