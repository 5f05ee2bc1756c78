"""Alike questions: the answer to one serves the other, where both ask the same, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.support.cast import Cast, Person
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Hold, Saving
from webapp.common.tenancy import tenant_scope
from webapp.memory.models import AnsweredQuestion
from webapp.orchestration.freezes import freeze, thaw
from webapp.tenants.models import Tenant

EMBEDDER = "text-embedding-3-small"
ANSWER: dict[str, Any] = {"reply": {"text": "So it is.", "usage": {"prompt_tokens": 12, "completion_tokens": 5}}}


@pytest.fixture(scope="module", autouse=True)
def _alike_questions_count(cast: Cast) -> Iterator[None]:
    def choose(mode: str) -> None:
        Tenant.objects.using("owner").filter(id__in=[cast.acme.id, cast.globex.id]).update(answer_cache=mode)

    choose("semantic")
    yield
    choose("exact")


@pytest.fixture
def place(model_server: ModelServer) -> str:
    """A name that nobody has asked about, and a model server that was asked nothing yet."""
    model_server.reset()
    model_server.script([ANSWER])
    return f"Place{uuid4().hex}"


def post(farm: Farm, person: Person, *said: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user" if n % 2 == 0 else "assistant", "content": text} for n, text in enumerate(said)]
    status, body = farm.call(person.api_key, "/v1/completions", {"messages": messages, **more})
    assert status == 200, body
    return dict(body)


def asked(model_server: ModelServer) -> int:
    return sum(call["model"] != EMBEDDER for call in model_server.log())


def embedded(model_server: ModelServer) -> int:
    return sum(call["model"] == EMBEDDER for call in model_server.log())


# --- a hit ---


def test_an_alike_question_is_answered_for_the_price_of_its_vector(
    caching: Farm, model_server: ModelServer, cast: Cast, place: str
) -> None:
    first = post(caching, cast.user, f"What is the capital of {place}?")
    second = post(caching, cast.operator, f"Can you tell me what the capital of {place} is?")
    assert "cached" not in first and second["cached"] == "semantic"
    assert second["output_text"] == first["output_text"] == "So it is."
    assert (asked(model_server), embedded(model_server)) == (1, 2)
    with tenant_scope(cast.acme.id):
        answered = Hold.objects.get(task_id=first["task_id"], purpose="complete")
        [vector] = Hold.objects.filter(task_id=second["task_id"])
        saving = Saving.objects.get(task_id=second["task_id"])
        task = Task.objects.get(id=second["task_id"])
    assert (answered.call, vector.purpose, vector.state) == (1, "embed", "settled")
    assert task.cost_usd == vector.usd and 0 < vector.usd < answered.usd
    assert (saving.cause, saving.usd, saving.tokens) == ("semantic", answered.usd, 17)
    events = {event["type"]: event for event in caching.events(cast.operator.api_key, second["task_id"])}
    hit = events["CACHE_HIT"]["payload"]
    assert (hit["cause"], hit["question"]) == ("semantic", f"What is the capital of {place}?")
    assert hit["similarity"] >= 0.95 and Decimal(hit["saved_usd"]) == saving.usd


def test_both_are_replayed_without_a_difference(
    caching: Farm, model_server: ModelServer, cast: Cast, place: str
) -> None:
    texts = (f"Who wrote {place}?", f"Please tell me who wrote {place}")
    bodies = [post(caching, cast.user, text, specific_model="gpt-4o-mini") for text in texts]
    assert bodies[1]["cached"] == "semantic"
    for body in bodies:
        replay = caching.call(cast.user.api_key, f"/api/v1/tasks/{body['task_id']}/replay", {})[1]["task_id"]
        report = caching.finished(cast.user.api_key, replay)["result"]
        assert "1 recorded answers were served" in report and "No difference" in report
    assert (asked(model_server), embedded(model_server)) == (1, 2)


# --- no hit ---


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What happened in {} in 2018?", "What happened in {} in 2022?"),
        ("How do I cook {} with salt?", "How do I cook {} without salt?"),
        ("Which of {} can fly?", "Which of {} can not fly?"),
        ("What is {}?", "Who is {}?"),
    ],
)
def test_a_near_miss_is_asked(
    caching: Farm, model_server: ModelServer, cast: Cast, place: str, one: str, other: str
) -> None:
    for text in (one, other):
        assert "cached" not in post(caching, cast.user, text.format(place))
    assert asked(model_server) == 2
    with tenant_scope(cast.acme.id):
        kept = AnsweredQuestion.objects.filter(question__contains=place)
        vectors = [row.vector for row in kept]
    assert sum(a * b for a, b in zip(*vectors, strict=True)) > 0.95  # by their vectors alone they are the same


def test_what_was_said_before_counts(caching: Farm, model_server: ModelServer, cast: Cast, place: str) -> None:
    post(caching, cast.user, "We talk about rivers.", "Good.", f"What is {place}?")
    assert "cached" not in post(caching, cast.user, "We talk about towns.", "Good.", f"What's {place}?")
    assert "cached" not in post(caching, cast.user, f"Tell me what {place} is")
    found = post(caching, cast.user, "We talk about rivers.", "Good.", f"Tell me what {place} is")
    assert found["cached"] == "semantic" and asked(model_server) == 3


def test_another_tenant_never_gets_it(caching: Farm, model_server: ModelServer, cast: Cast, place: str) -> None:
    post(caching, cast.user, f"What is the capital of {place}?")
    assert "cached" not in post(caching, cast.stranger, f"What is the capital of {place}?")
    assert "cached" not in post(caching, cast.stranger, f"What is the population of {place}?")
    assert asked(model_server) == 3
    with tenant_scope(cast.globex.id):
        assert AnsweredQuestion.objects.filter(question__contains=place).count() == 2
        assert not AnsweredQuestion.objects.exclude(tenant_id=cast.globex.id).exists()


def test_an_old_answer_is_none(caching: Farm, model_server: ModelServer, cast: Cast, place: str) -> None:
    post(caching, cast.user, f"What is the capital of {place}?")
    with tenant_scope(cast.acme.id):
        old = AnsweredQuestion.objects.filter(question__contains=place)
        assert old.update(expires_at=timezone.now() - timedelta(seconds=1)) == 1
    assert "cached" not in post(caching, cast.user, f"Tell me the capital of {place}")
    assert asked(model_server) == 2


# --- whatever goes wrong with the look-up is a miss ---


@pytest.mark.parametrize("trouble", [{"fault": {"status": 400}}, {"reply": {"vectors": []}}])
def test_without_a_vector_the_answer_is_an_ordinary_one(
    caching: Farm, model_server: ModelServer, cast: Cast, place: str, trouble: dict[str, Any]
) -> None:
    model_server.script([{"match": {"nth": 1}, **trouble}, ANSWER])
    body = post(caching, cast.user, f"What is the capital of {place}?")
    assert "cached" not in body and body["output_text"] == "So it is."
    assert [call["model"] == EMBEDDER for call in model_server.log()] == [True, False]
    with tenant_scope(cast.acme.id):
        assert not AnsweredQuestion.objects.filter(question__contains=place).exists()
        assert not Hold.objects.filter(task_id=body["task_id"], state="open").exists()


def test_a_frozen_embedding_model_stops_nothing(
    caching: Farm, model_server: ModelServer, cast: Cast, place: str
) -> None:
    with tenant_scope(cast.globex.id):
        frozen = freeze(actor=cast.stranger.user, kind="model", subject=f"openai/{EMBEDDER}", reason="test")
    try:
        body = post(caching, cast.stranger, f"What is the capital of {place}?")
    finally:
        with tenant_scope(cast.globex.id):
            thaw(actor=cast.stranger.user, frozen=[frozen])
    assert body["output_text"] == "So it is." and embedded(model_server) == 0


def test_a_worker_killed_while_it_looks_leaves_nothing_half_done(
    caching: Farm, model_server: ModelServer, cast: Cast, place: str
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with model_server.held():
            call = pool.submit(post, caching, cast.user, f"What is the capital of {place}?")
            eventually(lambda: embedded(model_server) == 1)
            with tenant_scope(cast.acme.id):
                worker = Step.objects.get(task_id=Hold.objects.get(state="open").task_id).worker.split("@")[0]
            name = {"llm": "worker-llm", "llm2": "worker-llm-2"}[worker]
            caching.kill(name)
        caching.launch(name)
        body = call.result(60)
    assert body["output_text"] == "So it is."
    with tenant_scope(cast.acme.id):
        look_up = Hold.objects.get(task_id=body["task_id"], purpose="embed")
        assert (look_up.state, look_up.worst_case) == ("settled", True)
        assert not AnsweredQuestion.objects.filter(question__contains=place).exists()
