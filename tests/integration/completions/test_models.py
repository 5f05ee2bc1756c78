"""The models that OpenAI's clients see, and the estimate for a question."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from openai import NotFoundError, OpenAI
from shannon import AsyncShannonClient

from tests.support.cast import Cast, Person, person
from tests.support.farm import Farm
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.tenants.models import Role


def estimate(who: Person, body: Any) -> HttpResponse:
    return Client().post("/api/v1/complexity", body, "application/json", headers={"X-API-Key": who.api_key})  # type: ignore[return-value]


async def test_both_official_clients_list_and_find_models(connected: Farm, cast: Cast) -> None:
    with OpenAI(base_url=f"{connected.url}/v1", api_key=cast.user.api_key, max_retries=0) as client:
        names = [model.id for model in client.models.list()]
        assert names[0] == "shannon-chat" and "shannon-academic-research" in names
        assert client.models.retrieve("shannon-complex").owned_by == "shannon"
        with pytest.raises(NotFoundError) as refused:
            client.models.retrieve("gpt-2")
    assert (refused.value.code, refused.value.type) == ("model_not_found", "not_found_error")
    async with AsyncShannonClient(base_url=connected.url, api_key=cast.user.api_key) as client:
        found = await client.get_openai_model("shannon-chat")
        assert found.description == "One agent answers."
        assert len(await client.list_openai_models()) == len(names)


def test_an_estimate_is_a_rule_of_thumb_until_there_is_history(cast: Cast) -> None:
    newcomer = person(cast.acme, "newcomer", Role.USER)
    asked = {"query": "Compare the sales of all regions and explain why they differ"}
    first: Any = estimate(newcomer, asked).json()  # type: ignore[attr-defined]
    assert (first["recommended_mode"], first["estimated_agents"]) == ("standard", 3)
    assert first["estimated_tokens"] > 0 and first["estimated_cost_usd"] is None and first["based_on_tasks"] == 0
    session = submit_task(principal=newcomer.principal, submission=Submission("x")).session_id
    ended = {"query": "x", "mode": "standard", "complexity": 0.5, "state": "completed", "steps": 5}
    spent = {"prompt_tokens": 700, "completion_tokens": 300, "cost_usd": "0.25"}
    with tenant_scope(cast.acme.id):
        Task.objects.create(tenant=cast.acme, user=newcomer.user, session_id=session, **ended, **spent)
    then: Any = estimate(newcomer, asked).json()  # type: ignore[attr-defined]
    assert (then["estimated_tokens"], then["estimated_cost_usd"], then["based_on_tasks"]) == (1000, 0.25, 1)


@pytest.mark.parametrize(("body", "named"), [({}, "query"), ({"query": "x", "context": 1}, "context"), ([], "body")])
def test_an_estimate_refuses_by_name(cast: Cast, body: Any, named: str) -> None:
    answer = estimate(cast.operator, body)
    assert answer.status_code == 400 and named in answer.content.decode()
