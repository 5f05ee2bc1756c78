"""The contract over HTTP: statuses, headers, bodies, limits, readiness."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from examples.submit import load_request
from tests.support.cast import Cast
from tests.support.farm import READY_S, Farm, eventually
from tests.support.services import ROOT


def raw(farm: Farm, path: str, data: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
    request = Request(farm.url + path, data=data, headers=headers)
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers
    except HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def test_health_needs_no_key_and_readiness_rings_on_every_queue(farm: Farm) -> None:
    assert json.loads(raw(farm, "/health")[1])["status"] == "healthy"
    status, body, _ = raw(farm, "/readiness")
    checks = json.loads(body)["checks"]
    assert status == 200 and {"database", "control", "policy", "llm", "tools", "orchestrator"} <= set(checks)


def test_readiness_fails_while_a_queue_is_not_consumed(farm: Farm) -> None:
    farm.kill("worker-tools")
    try:
        status, body, _ = raw(farm, "/readiness")
        assert status == 503 and json.loads(body)["status"] == "not ready"
        assert json.loads(body)["checks"]["tools"] == "no worker answers"
    finally:
        farm.launch("worker-tools")
    eventually(farm.ready, within_s=READY_S)


def test_a_submission_answers_200_with_its_ids_in_the_headers(farm: Farm, cast: Cast) -> None:
    data = json.dumps({"query": "What is 2 + 3?", "session_id": "mine", "unknown": 1}).encode()
    status, body, headers = raw(farm, "/api/v1/tasks", data, Authorization=f"bearer {cast.owner.api_key}")
    answer = json.loads(body)
    assert status == 200 and answer["status"] == "STATUS_CODE_OK"
    assert headers["X-Workflow-ID"] == answer["task_id"] and headers["X-Session-ID"] == "mine"
    assert headers["X-Trace-ID"]


def test_submit_and_stream_answers_201_with_a_relative_address(farm: Farm, cast: Cast) -> None:
    status, body = farm.call(cast.owner.api_key, "/api/v1/tasks/stream", {"query": "What is 2 + 3?"})
    assert status == 201 and body["stream_url"] == f"/api/v1/stream/sse?workflow_id={body['task_id']}"
    status, text, headers = raw(farm, body["stream_url"] + f"&api_key={cast.owner.api_key}")
    assert status == 200 and headers["Content-Type"] == "text/event-stream"
    assert text.decode().endswith("event: done\ndata: [DONE]\n\n")


def test_a_key_in_the_query_opens_nothing_but_streams(farm: Farm, cast: Cast) -> None:
    status, _, headers = raw(farm, f"/api/v1/tasks?api_key={cast.owner.api_key}")
    assert status == 401 and headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"query": ""}', b'{"query": "q", "mode": "x"}', b"\xff\xfe"])
def test_bad_bodies_answer_400_with_a_sentence(farm: Farm, cast: Cast, data: bytes) -> None:
    status, body, _ = raw(farm, "/api/v1/tasks", data, **{"X-API-Key": cast.owner.api_key})
    assert status == 400 and isinstance(json.loads(body)["error"], str)


@pytest.mark.parametrize(
    "path", ["tasks?limit=0", "tasks?limit=101", "tasks?offset=-1", "tasks?status=LOST", "tasks?limit=x"]
)
def test_numbers_out_of_range_answer_400_and_name_the_field(farm: Farm, cast: Cast, path: str) -> None:
    status, body = farm.call(cast.owner.api_key, f"/api/v1/{path}")
    assert status == 400 and body["error"].split(":")[0] in path


@pytest.mark.parametrize("status", ["PAUSED", "canceled", "TASK_STATUS_RUNNING", "QUEUED", "completed"])
def test_every_status_of_the_contract_can_be_asked_for(farm: Farm, cast: Cast, status: str) -> None:
    assert farm.call(cast.owner.api_key, f"/api/v1/tasks?status={status}")[0] == 200


@pytest.mark.parametrize("name", ["nope", "6f1de1b0-0000-4000-8000-000000000000", "a" * 128])
def test_unknown_tasks_answer_404(farm: Farm, cast: Cast, name: str) -> None:
    for suffix in ("", "/events", "/steps"):
        assert farm.call(cast.owner.api_key, f"/api/v1/tasks/{name}{suffix}")[0] == 404


def test_a_chart_can_be_downloaded_and_is_never_shown_in_our_origin(farm: Farm, cast: Cast) -> None:
    key = cast.owner.api_key
    _, body = farm.call(key, "/api/v1/tasks", load_request(ROOT / "examples" / "penguins"))
    task = farm.finished(key, body["task_id"])
    chart = next(file for file in task["metadata"]["artifacts"] if file["filename"].endswith(".svg"))
    path = f"/api/v1/tasks/{task['task_id']}/files/{chart['id']}"
    status, data, headers = raw(farm, path, **{"X-API-Key": key})
    assert status == 200 and data.startswith(b"<svg") and headers["Content-Disposition"] == "attachment"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert raw(farm, path, **{"X-API-Key": cast.stranger.api_key})[0] == 404
