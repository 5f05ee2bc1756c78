"""The same call is paid for once: by whom, for how long, and who gets nothing of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis import Redis

from tests.support.cast import Cast, Person
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Hold, Saving
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import Freeze, PolicyDecision
from webapp.orchestration.freezes import freeze, thaw
from webapp.orchestration.policies import save_module
from webapp.tenants.models import Tenant

FOUR = {"reply": {"text": "It is four.", "usage": {"prompt_tokens": 12, "completion_tokens": 5}}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
NO_MODEL = """package hartley.own

import rego.v1

deny contains "not this one" if input.model.model == "{}"
"""


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> None:
    model_server.reset()


@pytest.fixture
def question(model_server: ModelServer) -> str:
    """That nobody has asked before."""
    model_server.script([FOUR])
    return f"What is 2 + 2? {uuid4().hex}"


def post(farm: Farm, person: Person, question: str, **more: Any) -> dict[str, Any]:
    status, body = farm.call(
        person.api_key, "/v1/completions", {"messages": [{"role": "user", "content": question}], **more}
    )
    assert status == 200, body
    return dict(body)


def asked(model_server: ModelServer) -> int:
    return model_server.count()["total"]


# --- a hit ---


def test_the_second_equal_call_costs_nothing_and_says_so(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    first, second = (post(caching, cast.user, question) for _ in range(2))
    assert asked(model_server) == 1
    assert "cached" not in first and second["cached"] == "exact"
    assert second["output_text"] == first["output_text"] == "It is four."
    assert first["usage"]["cost_usd"] > 0 and second["usage"]["cost_usd"] == second["usage"]["total_tokens"] == 0
    with tenant_scope(cast.acme.id):
        saving = Saving.objects.get(task_id=second["task_id"])
        assert (saving.cause, saving.model, saving.tokens) == ("exact", first["model"], 17)
        assert saving.usd == Hold.objects.get(task_id=first["task_id"]).usd > 0
        assert not Hold.objects.filter(task_id=second["task_id"]).exists()
        decision = PolicyDecision.objects.get(task_id=second["task_id"])
        assert (decision.subject, decision.effect) == (f"openai/{first['model']}", "allow")
    events = {event["type"]: event for event in caching.events(cast.user.api_key, second["task_id"])}
    hit = events["CACHE_HIT"]["payload"]
    assert (hit["cause"], hit["model"], hit["saved_tokens"]) == ("exact", first["model"], 17)
    assert Decimal(hit["saved_usd"]) == saving.usd and hit["level"] in ("process", "redis")
    assert events["LLM_OUTPUT"]["payload"]["cached"] == "exact" and "BUDGET_HELD" not in events


def test_it_is_served_by_another_process_and_asked_again_when_redis_has_forgotten(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str, redis: Redis
) -> None:
    def levels() -> set[str]:
        body = post(caching, cast.user, question)
        events = caching.events(cast.user.api_key, body["task_id"])
        return seen.union(event["payload"]["level"] for event in events if event["type"] == "CACHE_HIT")

    seen: set[str] = set()
    post(caching, cast.user, question)
    eventually(lambda: seen.update(levels()) or seen == {"process", "redis"})
    assert asked(model_server) == 1
    other = question + " now"
    post(caching, cast.user, other)
    redis.delete(*redis.scan_iter("hartley:answer:*"))
    eventually(lambda: "cached" not in post(caching, cast.user, other))
    assert asked(model_server) == 3


def test_a_hit_is_replayed_as_one_and_differs_in_nothing(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    bodies = [post(caching, cast.user, question, specific_model="gpt-4o-mini") for _ in range(2)]
    assert bodies[1]["cached"] == "exact"
    for body in bodies:
        replay = caching.call(cast.user.api_key, f"/api/v1/tasks/{body['task_id']}/replay", {})[1]["task_id"]
        report = caching.finished(cast.user.api_key, replay)["result"]
        assert "1 recorded answers were served" in report and "No difference" in report
    with tenant_scope(cast.acme.id):
        outputs = [Step.objects.get(task_id=body["task_id"]).output for body in bodies]
    assert outputs[0]["versions"] == outputs[1]["versions"]
    assert asked(model_server) == 1


def test_whoever_streams_hears_the_whole_answer(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    post(caching, cast.user, question)
    connection = HTTPConnection("127.0.0.1", caching.port, timeout=30)
    said = {"messages": [{"role": "user", "content": question}], "stream": True}
    connection.request("POST", "/v1/completions", json.dumps(said), {"X-API-Key": cast.user.api_key})
    heard = [json.loads(line[6:]) for line in connection.getresponse().read().decode().split("\n\n") if "{" in line]
    connection.close()
    assert "".join(frame["text"] for frame in heard if frame["type"] == "content_delta") == "It is four."
    assert heard[-1]["cached"] == "exact" and asked(model_server) == 1


# --- whose it is ---


def test_another_tenant_asks_by_itself_and_has_no_key_in_common(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str, redis: Redis
) -> None:
    redis.delete(*redis.scan_iter("hartley:answer:*"), "nothing")
    for person in (cast.user, cast.stranger):
        assert "cached" not in post(caching, person, question)
    assert asked(model_server) == 2
    assert post(caching, cast.operator, question)["cached"] == "exact"  # Acme's, too
    keys = [key.decode().split(":") for key in redis.scan_iter("hartley:answer:*")]
    assert {key[2] for key in keys} == {str(cast.acme.id), str(cast.globex.id)}
    assert len({key[3] for key in keys}) == len(keys) == 2
    assert not any(b"four" in redis.get(":".join(key)) for key in keys)  # sealed


# --- what is not cached ---


@pytest.mark.parametrize(
    "more", [{"temperature": 0.9}, {"tools": [TOOL]}, {"use_cache": False}, {"response_schema": {"type": "object"}}]
)
def test_a_call_that_may_not_share_is_made_each_time(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str, more: dict[str, Any]
) -> None:
    model_server.script([{"reply": {**FOUR["reply"], "text": "{}"}}])
    for _ in range(2):
        assert "cached" not in post(caching, cast.user, question, **more)
    assert asked(model_server) == 2


def test_an_answer_that_was_cut_is_not_kept(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    model_server.script([{"reply": {**FOUR["reply"], "finish_reason": "length"}}])
    for _ in range(2):
        assert "cached" not in post(caching, cast.user, question)
    assert asked(model_server) == 2


@pytest.fixture
def switched_off(cast: Cast) -> Iterator[None]:
    def mode(value: str) -> None:
        Tenant.objects.using("owner").filter(id=cast.acme.id).update(answer_cache=value)

    mode("off")
    yield
    mode("exact")


def test_a_tenant_may_have_none(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str, switched_off: None
) -> None:
    eventually(lambda: [post(caching, cast.user, question) for _ in range(2)] and asked(model_server) >= 2)
    assert "cached" not in post(caching, cast.user, question)


def test_a_task_may_do_without(caching: Farm, model_server: ModelServer, cast: Cast) -> None:
    key, query = cast.user.api_key, f"Say hello to {uuid4().hex}"

    def run(**context: Any) -> int:
        before = asked(model_server)
        task = caching.submit(key, query, mode="simple", context=context)
        assert caching.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"
        return asked(model_server) - before

    calls = run()
    assert calls > 0 and run() == 0 and run(use_cache="false") == calls


# --- who may have it ---


def test_an_answer_of_a_frozen_model_is_not_served(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    model = post(caching, cast.stranger, question)["model"]
    with tenant_scope(cast.globex.id):
        frozen = freeze(actor=cast.stranger.user, kind="model", subject=f"openai/{model}", reason="test")
    try:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(post, caching, cast.stranger, question)
            eventually(lambda: _newest_state(cast.globex.id) == "waiting")
            _thaw(cast, frozen)
            assert "cached" not in waiting.result(60)
    finally:
        _thaw(cast, frozen)


def test_an_answer_of_a_denied_model_is_not_served(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    model = post(caching, cast.stranger, question)["model"]
    own = {"actor": cast.stranger.user, "name": "own", "source": NO_MODEL.format(model)}
    told = {"messages": [{"role": "user", "content": question}]}
    with tenant_scope(cast.globex.id):
        save_module(**own)
    try:
        eventually(lambda: caching.call(cast.stranger.api_key, "/v1/completions", told)[0] == 403)
    finally:
        with tenant_scope(cast.globex.id):
            save_module(**own, mode="off")


def _thaw(cast: Cast, frozen: Freeze) -> None:
    with tenant_scope(cast.globex.id):
        thaw(actor=cast.stranger.user, frozen=[frozen])


def _newest_state(tenant: UUID) -> str:
    with tenant_scope(tenant):
        return Step.objects.order_by("-task_id").values_list("state", flat=True)[0]


# --- one call for many ---


def test_equal_calls_at_once_are_one_in_both_processes(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    with ThreadPoolExecutor(12) as pool:
        with model_server.held():
            calls = [pool.submit(post, caching, cast.user, question) for _ in range(12)]
            workers = eventually(lambda: _all_running(cast, 12))
        bodies = [call.result(60) for call in calls]
    assert asked(model_server) == 1 and workers == {"llm", "llm2"}
    causes = [body["cached"] for body in bodies if "cached" in body]
    assert len(causes) == 11 and "single_flight" in causes and set(causes) <= {"single_flight", "exact"}
    with tenant_scope(cast.acme.id):
        savings = Saving.objects.filter(task_id__in=[body["task_id"] for body in bodies])
        assert sorted(savings.values_list("cause", "tokens")) == sorted((cause, 17) for cause in causes)


def test_when_the_one_who_asks_is_killed_another_asks(
    caching: Farm, model_server: ModelServer, cast: Cast, question: str
) -> None:
    with ThreadPoolExecutor(12) as pool:
        with model_server.held():
            calls = [pool.submit(post, caching, cast.user, question) for _ in range(12)]
            eventually(lambda: _all_running(cast, 12) and asked(model_server) == 1)
            with tenant_scope(cast.acme.id):
                worker = Step.objects.get(task_id=Hold.objects.get(state="open").task_id).worker
                lost = Step.objects.filter(worker=worker, state="running").count()
            name = {"llm": "worker-llm", "llm2": "worker-llm-2"}[worker.split("@")[0]]
            caching.kill(name)
            eventually(lambda: asked(model_server) == 2)
        caching.launch(name)
        bodies = [call.result(60) for call in calls]
    assert {body["output_text"] for body in bodies} == {"It is four."}
    assert asked(model_server) == 1 + lost + 1  # attempts that follow a lost one ask by themselves
    assert sum("cached" in body for body in bodies) == 12 - lost - 1


def _all_running(cast: Cast, count: int) -> set[str]:
    """The workers that have so many steps together; empty while they are fewer."""
    with tenant_scope(cast.acme.id):
        open_ = Task.objects.filter(finished_at=None).values_list("id", flat=True)
        steps = Step.objects.filter(task_id__in=list(open_), state="running").values_list("worker", flat=True)
        workers = [str(worker).split("@")[0] for worker in steps]
    return set(workers) if len(workers) == count else set()
