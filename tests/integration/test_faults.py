"""Workers die and Redis forgets in the middle of a run: it finishes, and nothing is done or paid twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from webapp.budgets.models import Envelope, Hold
from webapp.common.tenancy import tenant_scope

MARK = {"name": "marker", "arguments": {"text": "once", "delay_s": 1.5}}


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> Iterator[None]:
    model_server.reset()
    yield
    model_server.reset()


def marks(farm: Farm, task: str) -> list[dict[str, Any]]:
    path = Path(farm.env["HARTLEY_MARKER_LOG"])
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if line["task_id"] == task]


def attempts(farm: Farm, key: str, task: str) -> Counter[str]:
    """The highest attempt by kind of step."""
    found: Counter[str] = Counter()
    for step in farm.steps(key, task):
        found[step["kind"]] = max(found[step["kind"]], step["attempt"])
    return found


def check_books(cast: Cast, task: str) -> None:
    """Nothing is held any more, and every envelope equals what the ledger adds up to."""
    with tenant_scope(cast.acme.id):
        envelope = Envelope.objects.get(level="task", owner_id=task)
        holds = list(Hold.objects.filter(task_id=task))
    assert envelope.tokens_held == 0 and envelope.usd_held == 0
    assert envelope.tokens_spent == sum(h.prompt_tokens + h.completion_tokens for h in holds)
    assert envelope.usd_spent == sum(h.usd for h in holds)
    assert {h.state for h in holds} <= {"settled", "released"}


def test_the_llm_worker_is_killed_during_a_model_call(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    model_server.gate()
    task = connected.submit(key, "Answer me", mode="simple")
    eventually(model_server.log)
    connected.kill("worker-llm")
    connected.launch("worker-llm")
    eventually(lambda: len(model_server.log()) == 2, within_s=30)
    model_server.release()

    assert connected.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"
    turns = [s for s in connected.steps(key, task) if s["kind"] == "llm.turn"]
    assert turns[0]["attempt"] == 2 and all(s["attempt"] == 1 for s in turns[1:])
    check_books(cast, task)
    settled = [e["payload"] for e in connected.events(key, task) if e["type"] == "BUDGET_SETTLED"]
    assert [s["worst_case"] for s in settled].count(True) == 1


def test_the_tools_worker_is_killed_during_an_effect(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    model_server.script([{"match": {"last_role": "user"}, "reply": {"tool_calls": [MARK]}}])
    task = connected.submit(key, "Leave a mark", mode="simple")
    eventually(lambda: marks(connected, task))
    connected.kill("worker-tools")
    connected.launch("worker-tools")

    assert connected.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"
    left = marks(connected, task)
    assert [mark["attempt"] for mark in left] == [1, 2], "the killed attempt and the one after it"
    assert len({mark["key"] for mark in left}) == 1, "a receiver that keeps the key acts once"
    assert attempts(connected, key, task)["tools.call"] == 2
    assert attempts(connected, key, task)["llm.turn"] == 1


def test_the_control_worker_is_killed_before_it_takes_the_task(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    connected.kill("worker-control")
    task = connected.submit(cast.owner.api_key, "Anyone there?", mode="simple")
    connected.launch("worker-control")
    assert connected.finished(cast.owner.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    check_books(cast, task)


def test_redis_forgets_everything_during_a_run(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    model_server.script([{"match": {"last_role": "user"}, "reply": {"tool_calls": [MARK]}}])
    model_server.gate()
    tasks = [connected.submit(key, f"Mark {number}", mode="simple") for number in range(3)]
    eventually(model_server.log)
    with Redis.from_url(connected.services.env["REDIS_URL"]) as redis:
        redis.flushall()
        model_server.release()
        for task in tasks:
            eventually(lambda task=task: marks(connected, task))  # type: ignore[misc]
            redis.flushall()
    for task in tasks:
        assert connected.finished(key, task)["status"] == "TASK_STATUS_COMPLETED"
        assert len(marks(connected, task)) == 1
        check_books(cast, task)


def test_a_worker_that_is_asked_to_stop_hands_its_steps_back(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    model_server.gate()
    task = connected.submit(cast.owner.api_key, "Long one", mode="simple")
    eventually(model_server.log)
    connected.processes["worker-llm"].terminate()
    connected.processes["worker-llm"].wait(15)
    handed = [e for e in connected.events(cast.owner.api_key, task) if e["type"] == "STEP_RETRYING"]
    assert handed and "handed back" in handed[0]["message"]
    model_server.release()
    connected.launch("worker-llm")
    assert connected.finished(cast.owner.api_key, task)["status"] == "TASK_STATUS_COMPLETED"
    check_books(cast, task)
