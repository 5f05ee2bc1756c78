"""With a model server set, the same run goes through the official SDKs: streaming, tool calls, money."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from shannon import ShannonClient

from examples.submit import load_request
from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from tests.support.services import ROOT


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def _fresh(model_server: ModelServer) -> Iterator[None]:
    model_server.reset()
    yield
    model_server.reset()


def test_a_question_about_data_is_planned_worked_on_and_merged(
    connected: Farm, cast: Cast, model_server: ModelServer, provider: str
) -> None:
    key = cast.owner.api_key
    task = connected.submit(key, **load_request(ROOT / "examples" / "penguins"))
    found = connected.finished(key, task)

    assert found["status"] == "TASK_STATUS_COMPLETED", found
    assert "penguins.csv rows 344" in found["result"]
    assert found["provider"] == provider and found["usage"]["cost_usd"] > 0
    calls = model_server.log()
    assert all(call["stream"] for call in calls) and any(call.get("tools") for call in calls)
    assert found["usage"]["total_tokens"] == billed(connected, key, task, calls)


def billed(farm: Farm, key: str, task: str, calls: list[dict[str, Any]]) -> int:
    """By the ledger, which has each call as the server counted it; a call whose worker lost its lease at its worst case."""
    settled = [event["payload"] for event in farm.events(key, task) if event["type"] == "BUDGET_SETTLED"]
    settled = [each for each in settled if each["tokens"]]  # not of tools
    exact = Counter(each["tokens"] for each in settled if not each["worst_case"])
    assert exact <= Counter(call["usage"]["total_tokens"] for call in calls)
    assert len(calls) <= len(settled) <= exact.total() + 1, "at most one lease was lost"
    return sum(each["tokens"] for each in settled)


def test_text_streams_before_the_answer_is_complete(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    words = " ".join(f"word{number}" for number in range(40))
    model_server.script([{"reply": {"text": words, "chunk_delay_s": 0.1}}])
    task = connected.submit(cast.owner.api_key, "Tell me", mode="simple")

    names = stream(connected, cast.owner.api_key, task)

    assert names.count("thread.message.delta") >= 2
    assert names.index("thread.message.delta") < names.index("thread.message.completed")
    assert names[-1] == "done" and names.count("done") == 1


def stream(farm: Farm, key: str, task: str, last: str = "") -> list[str]:
    headers = {"X-API-Key": key, **({"Last-Event-ID": last} if last else {})}
    request = Request(f"{farm.url}/api/v1/stream/sse?workflow_id={task}", headers=headers)
    with urlopen(request, timeout=30) as answer:
        return [line.decode().strip()[7:] for line in answer if line.startswith(b"event: ")]


def test_a_stream_resumes_with_nothing_missing_and_nothing_twice(connected: Farm, cast: Cast) -> None:
    task = connected.submit(cast.owner.api_key, "What is here?", mode="simple")
    connected.finished(cast.owner.api_key, task)
    whole = stream(connected, cast.owner.api_key, task)
    rest = stream(connected, cast.owner.api_key, task, last="4")
    assert rest == whole[4:]


def test_cancel_closes_the_running_model_stream(connected: Farm, cast: Cast, model_server: ModelServer) -> None:
    key = cast.owner.api_key
    with model_server.held():
        task = connected.submit(key, "Wait for it", mode="simple")
        eventually(model_server.log)
        assert connected.call(key, f"/api/v1/tasks/{task}/cancel", {"reason": "enough"})[1]["success"] is True
        eventually(lambda: model_server.log()[0]["outcome"] == "disconnected")
    events = connected.events(key, task)
    assert [e["type"] for e in events][-3:] == ["WORKFLOW_CANCELLING", "WORKFLOW_CANCELLED", "STREAM_END"]
    state = connected.call(key, f"/api/v1/tasks/{task}/control-state")[1]
    assert state["is_cancelled"] and state["cancel_reason"] == "enough"
    again = connected.call(key, f"/api/v1/tasks/{task}/cancel", {})
    assert again[0] == 202 and again[1]["success"] is False


def test_thinking_goes_back_with_its_turn(
    connected: Farm, cast: Cast, model_server: ModelServer, provider: str
) -> None:
    model_server.script([{"match": {"last_role": "user"}, "reply": {"thinking": "Hm, I calculate."}}])
    task = connected.submit(cast.owner.api_key, "How much is it?", mode="simple")
    found = connected.finished(cast.owner.api_key, task)
    assert found["status"] == "TASK_STATUS_COMPLETED" and "Hm, I calculate." not in found["result"]
    first, second = model_server.log()
    kept = [block["type"] for message in second["messages"] for block in message.get("blocks", [])]
    assert kept == (["thinking", "tool_use"] if provider == "anthropic" else [])
    assert found["usage"]["total_tokens"] == sum(call["usage"]["total_tokens"] for call in (first, second))


@pytest.mark.parametrize("fault", [{"drop_after_chunks": 3}, {"break_after_chunks": 3}, {"status": 504}])
def test_an_attempt_that_may_be_billed_is_paid_at_its_worst_case(
    connected: Farm, cast: Cast, model_server: ModelServer, fault: dict[str, int]
) -> None:
    model_server.script([{"fault": fault, "times": 1}])
    key = cast.owner.api_key
    task = connected.submit(key, "Try", mode="simple")
    found = connected.finished(key, task)
    assert found["status"] == "TASK_STATUS_COMPLETED", found
    settled = [e["payload"] for e in connected.events(key, task) if e["type"] == "BUDGET_SETTLED"]
    assert [s["worst_case"] for s in settled][:2] == [True, False]
    billed = sum(call["usage"]["total_tokens"] for call in model_server.log()[1:])
    assert found["usage"]["total_tokens"] > billed + 1000


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429, "retry_after_s": 1}, {"drop_after_chunks": 1}])
def test_a_passing_fault_of_the_provider_is_retried(
    connected: Farm, cast: Cast, model_server: ModelServer, fault: dict[str, int]
) -> None:
    model_server.script([{"fault": fault, "times": 1}])
    task = connected.submit(cast.owner.api_key, "Try", mode="simple")
    found = connected.finished(cast.owner.api_key, task)
    assert found["status"] == "TASK_STATUS_COMPLETED", found
    retried = [e for e in connected.events(cast.owner.api_key, task) if e["type"] == "STEP_RETRYING"]
    assert len(retried) == 1


def test_a_refused_request_fails_the_task_with_its_reason(
    connected: Farm, cast: Cast, model_server: ModelServer
) -> None:
    model_server.script([{"fault": {"status": 400}}])
    task = connected.submit(cast.owner.api_key, "Try", mode="simple")
    found = connected.finished(cast.owner.api_key, task)
    assert found["status"] == "TASK_STATUS_FAILED" and "sk-scripted" not in json.dumps(found)
    types = [e["type"] for e in connected.events(cast.owner.api_key, task)]
    assert types[-2:] == ["WORKFLOW_FAILED", "STREAM_END"]
    assert types.count("BUDGET_HELD") == types.count("BUDGET_RELEASED")


def test_the_reference_platforms_client_works(connected: Farm, cast: Cast) -> None:
    """shannon-sdk 0.7: submit, wait, stream, list, events, cancel."""
    with ShannonClient(base_url=connected.url, api_key=cast.owner.api_key) as client:
        handle = client.submit_task("What is in the data?", session_id="sdk-session")
        done = client.wait(handle.task_id, timeout=60)
        assert done.status.value.endswith("COMPLETED") and done.result
        kinds = [event.type for event in client.stream(handle.workflow_id)]
        assert "WORKFLOW_COMPLETED" in kinds and kinds[-1] == "done"
        tasks, total = client.list_tasks(limit=5)
        assert total >= 1 and tasks[0].task_id == handle.task_id
        assert len(client.get_task_events(handle.task_id)) > 5
        assert client.cancel(client.submit_task("Stop me").task_id, reason="test") in (True, False)
