"""POST /v1/completions: what comes in reaches the model, what comes out is recorded, and failures say whose they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from uuid import uuid4

import pytest
from shannon import AsyncShannonClient

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from tests.support.model_server import ModelServer
from webapp.agent_tasks.models import Step, Task
from webapp.budgets.models import Envelope
from webapp.common.tenancy import tenant_scope
from webapp.decisions.models import PolicyDecision

ASKED = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
FOUR = {"reply": {"text": "It is four.", "usage": {"prompt_tokens": 12, "completion_tokens": 5}}}
SLOW = {"reply": {"text": "one two three four five", "chunks": 5, "chunk_delay_s": 0.12}}


@contextmanager
def sent(farm: Farm, key: str, body: Any, **headers: str) -> Iterator[HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", farm.port, timeout=30)
    try:
        connection.request("POST", "/v1/completions", json.dumps(body), {"X-API-Key": key, **headers})
        yield connection.getresponse()
    finally:
        connection.close()


def post(farm: Farm, key: str, body: Any = ASKED, **headers: str) -> tuple[int, Any, dict[str, str]]:
    with sent(farm, key, body, **headers) as answer:
        return answer.status, json.load(answer), {name.lower(): value for name, value in answer.getheaders()}


def frames(answer: HTTPResponse) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in answer.read().decode().split("\n\n") if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    return [json.loads(line) for line in lines]


def task_of(cast: Cast, name: str) -> Task:
    with tenant_scope(cast.acme.id):
        return Task.objects.get(id=name)


# --- the answer ---


def test_the_answer_with_its_usage_and_all_that_a_call_leaves_behind(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([FOUR])
    status, body, headers = post(connected, cast.user.api_key)
    assert status == 200, body
    told = (body["output_text"], body["provider"], body["model"])
    assert told == ("It is four.", "openai", model_server.log()[0]["model"])
    usage = body["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (12, 5, 17)
    assert usage["cost_usd"] > 0 and body["finish_reason"] == "stop" and "tool_calls" not in body
    assert headers["x-workflow-id"] == body["task_id"] and "x-ratelimit-remaining-minute" in headers
    assert headers["content-type"] == "application/json"
    task = task_of(cast, body["task_id"])
    assert (task.state, task.result, task.steps) == ("completed", "It is four.", 1)
    with tenant_scope(cast.acme.id):
        decision = PolicyDecision.objects.get(task_id=task.id)
        assert (decision.point, decision.effect) == ("model_call", "allow")
    types = {event["type"] for event in connected.events(cast.user.api_key, body["task_id"])}
    assert {"BUDGET_HELD", "LLM_PROMPT", "LLM_OUTPUT", "BUDGET_SETTLED", "WORKFLOW_COMPLETED", "STREAM_END"} <= types


def test_messages_reach_the_model_as_they_were_said(connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}
    said = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Add"}, {"type": "text", "text": "two."}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "4"},
    ]
    assert post(connected, cast.user.api_key, {"messages": said})[0] == 200
    told = model_server.log()[0]["messages"]
    assert [message["role"] for message in told] == ["system", "user", "assistant", "tool"]
    assert told[1]["content"] == "Add\n\ntwo." and told[2]["tool_calls"] == [call] and told[3]["content"] == "4"


def test_the_callers_tools_are_called_by_the_model_and_run_by_nobody(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([{"reply": {"tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}}])
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    status, body, _ = post(connected, cast.user.api_key, {**ASKED, "tools": [tool]})
    assert status == 200 and model_server.log()[0]["tools"] == ["weather"]
    assert body["finish_reason"] == "tool_calls" and body["tool_calls"][0]["type"] == "function"
    assert body["function_call"] == {"name": "weather", "arguments": '{"city": "Oslo"}'}
    assert len(connected.steps(cast.user.api_key, body["task_id"])) == 1


async def test_the_official_client_completes_and_streams(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SLOW])
    async with AsyncShannonClient(base_url=connected.url, api_key=cast.user.api_key) as client:
        whole = await client.create_completion(ASKED)
        assert whole["output_text"] == "one two three four five"
        heard = [event async for event in client.stream_completion(ASKED)]
    assert heard[-1] == {"data": "[DONE]"} or heard[-1]["type"] == "done"
    done = next(event for event in heard if event.get("type") == "done")
    assert done["output_text"] == "one two three four five"


# --- the stream ---


def test_a_stream_tells_the_text_while_it_comes_and_all_of_it_at_the_end(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SLOW])
    with sent(connected, cast.user.api_key, {**ASKED, "stream": True}) as answer:
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
        heard = frames(answer)
    deltas = [frame["text"] for frame in heard if frame["type"] == "content_delta"]
    assert len(deltas) > 1 and "".join(deltas) == heard[-1]["output_text"] == "one two three four five"
    assert heard[-1]["type"] == "done" and heard[-1]["usage"]["output_tokens"] > 0


def test_a_stream_that_fails_says_so_and_ends(connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    model_server.script([{"fault": {"status": 400, "message": "no such parameter"}}])
    with sent(connected, cast.user.api_key, {**ASKED, "stream": True}) as answer:
        (frame,) = frames(answer)
    assert frame["type"] == "error" and "no such parameter" in frame["message"]


@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_cancels_and_the_model_is_cut_off(
    connected: Farm, model_server: ModelServer, cast: Cast, stream: bool
) -> None:
    with model_server.held():
        connection = HTTPConnection("127.0.0.1", connected.port, timeout=30)
        headers = {"X-API-Key": cast.user.api_key}
        connection.request("POST", "/v1/completions", json.dumps({**ASKED, "stream": stream}), headers)
        eventually(lambda: model_server.log())
        connection.sock.close()
        connection.close()
        entry = eventually(lambda: next((e for e in model_server.log() if e["outcome"] == "disconnected"), None))
    assert entry["messages"] == ASKED["messages"]
    with tenant_scope(cast.acme.id):
        last = Task.objects.filter(user_id=cast.user.user.id).order_by("-id").first()
    assert last and (last.state, last.cancel_reason) == ("cancelled", "The client left")


# --- once ---


def test_the_same_request_twice_is_one_call_and_one_answer(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    model_server.script([SLOW])
    key = {"Idempotency-Key": uuid4().hex}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: post(connected, cast.user.api_key, **key), range(2)))
    again = post(connected, cast.user.api_key, **key)
    assert [status for status, _, _ in (*answers, again)] == [200, 200, 200]
    assert again[1] == answers[0][1] == answers[1][1] and again[2]["x-idempotency-cached"] == "true"
    assert len(model_server.log()) == 1


def test_a_failed_request_is_not_kept_for_its_key(connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    model_server.script([{"fault": {"status": 400}, "times": 1}, FOUR])
    key = {"Idempotency-Key": uuid4().hex}
    assert [post(connected, cast.user.api_key, **key)[0] for _ in range(3)] == [400, 200, 200]
    assert len(model_server.log()) == 2


def test_a_killed_worker_costs_time_and_not_the_answer(connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    model_server.script([FOUR])
    with ThreadPoolExecutor(1) as pool:
        with model_server.held():
            asked = pool.submit(post, connected, cast.user.api_key)
            eventually(lambda: model_server.log())
            connected.kill("worker-llm")
        connected.launch("worker-llm")
        status, body, _ = asked.result(60)
    assert status == 200 and body["output_text"] == "It is four."
    with tenant_scope(cast.acme.id):
        assert Step.objects.get(task_id=body["task_id"]).fence == 2


def test_it_is_replayed_for_nothing_and_forked_by_nobody(
    connected: Farm, model_server: ModelServer, cast: Cast
) -> None:
    key = cast.user.api_key
    task = post(connected, key, {**ASKED, "specific_model": "gpt-4o-mini", "temperature": 0.2})[1]["task_id"]
    status, forked = connected.call(key, f"/api/v1/tasks/{task}/fork", {"step": 1})
    assert status == 400 and "send it anew" in forked["error"]
    replay = connected.call(key, f"/api/v1/tasks/{task}/replay", {})[1]["task_id"]
    report = connected.finished(key, replay)["result"]
    assert "1 recorded answers were served" in report and "No difference" in report
    assert len(model_server.log()) == 1


# --- refusals ---


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"max_tokens": 32_001}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"model_tier": "huge"}, "model_tier"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].name"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"session_id": "a b"}, "session_id"),
        ({"stream": "yes"}, "stream"),
        ({"use_cache": "no"}, "use_cache"),
        ({"hedge_timeout": -1}, "hedge_timeout"),
    ],
)
def test_a_refusal_names_the_field(connected: Farm, cast: Cast, change: Any, param: str) -> None:
    status, body, _ = post(connected, cast.user.api_key, {**ASKED, **change})
    error = body["error"]
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert error["code"] == "invalid_request" and error["message"].startswith(param)


def test_without_a_credential_the_error_has_openais_shape(connected: Farm) -> None:
    status, body, headers = post(connected, "sk_" + "0" * 64)
    assert (status, body["error"]["type"], body["error"]["code"]) == (401, "authentication_error", "invalid_api_key")
    assert headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("upstream", "status", "kind"),
    [(400, 400, "invalid_request_error"), (404, 404, "not_found_error"), (401, 502, "server_error")],
)
def test_what_the_model_refuses_is_passed_on(
    connected: Farm, model_server: ModelServer, cast: Cast, upstream: int, status: int, kind: str
) -> None:
    model_server.script([{"fault": {"status": upstream, "message": "not so"}}])
    found, body, _ = post(connected, cast.user.api_key)
    assert (found, body["error"]["type"]) == (status, kind)


def test_a_spent_budget_is_402_and_nothing_is_sent(connected: Farm, model_server: ModelServer, cast: Cast) -> None:
    session = uuid4().hex
    assert post(connected, cast.user.api_key, {**ASKED, "session_id": session})[0] == 200
    with tenant_scope(cast.acme.id):
        owner = Task.objects.get(session__external_id=session).session_id
        envelope = Envelope.objects.get(level="session", owner_id=owner)
        Envelope.objects.filter(id=envelope.id).update(tokens_limit=envelope.tokens_spent)
    status, body, _ = post(connected, cast.user.api_key, {**ASKED, "session_id": session})
    assert (status, body["error"]["code"], body["error"]["type"]) == (402, "budget.exceeded", "insufficient_quota")
    assert len(model_server.log()) == 1
