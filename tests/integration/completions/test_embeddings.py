"""POST /v1/embeddings, through OpenAI's official client."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import BadRequestError, OpenAI

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.model_server.embeddings_wire import vector
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope

MODEL = "text-embedding-3-small"


@pytest.fixture
def client(connected: Farm, cast: Cast) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{connected.url}/v1", api_key=cast.operator.api_key, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("form", ["base64", "float"])
def test_vectors_come_in_the_order_of_their_texts(client: OpenAI, model_server: ModelServer, form: str) -> None:
    found = client.embeddings.create(model=MODEL, input=["one", "two"], dimensions=8, encoding_format=form)  # type: ignore[call-overload]
    if form == "float":
        assert found.data[0].embedding == pytest.approx(vector("one", 8), abs=1e-6)
    assert [row.index for row in found.data] == [0, 1] and found.model == MODEL
    assert found.usage.prompt_tokens == found.usage.total_tokens > 0
    assert len(model_server.log()) == 1


def test_by_default_the_client_asks_for_base64_and_gets_numbers(client: OpenAI, cast: Cast, connected: Farm) -> None:
    found = client.embeddings.create(model=MODEL, input="one", dimensions=16)
    assert found.data[0].embedding == pytest.approx(vector("one", 16), abs=1e-6)
    with tenant_scope(cast.acme.id):
        task = Task.objects.filter(user_id=cast.operator.user.id).order_by("-id").first()
    assert task is not None and task.state == "completed" and task.cost_usd > 0
    replay = connected.call(cast.operator.api_key, f"/api/v1/tasks/{task.id}/replay", {})[1]["task_id"]
    assert "No difference" in connected.finished(cast.operator.api_key, replay)["result"]


@pytest.mark.parametrize(
    ("given", "named"), [([], "input"), (["x", ""], "input[1]"), (["x"] * 257, "input"), ([1, 2], "input[0]")]
)
def test_a_refusal_names_the_input(client: OpenAI, given: list[str], named: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.embeddings.create(model=MODEL, input=given)
    assert refused.value.param == named


def test_more_vectors_than_a_row_holds_are_refused_before_anything_is_sent(
    client: OpenAI, model_server: ModelServer
) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.embeddings.create(model=MODEL, input=["x"] * 32)
    assert "at most 31 texts at 1536 dimensions" in str(refused.value) and model_server.log() == []


def test_an_unknown_model_is_refused(client: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="no-such-model"):
        client.embeddings.create(model="no-such-model", input="x")


def test_the_models_of_a_tier_are_listed_in_their_order(connected: Farm, cast: Cast) -> None:
    def rows() -> list[dict[str, object]]:
        return list(connected.call(cast.user.api_key, "/v1/llm-models?tier=small")[1]["models"])

    found = eventually(rows)
    assert {row["tier"] for row in found} == {"small"} and found[0]["provider"] == "openai"
    assert [row["priority"] for row in found] == sorted(row["priority"] for row in found)  # type: ignore[type-var]
    status, body = connected.call(cast.user.api_key, "/v1/llm-models?tier=huge")
    assert status == 400 and body["error"]["param"] == "tier"
