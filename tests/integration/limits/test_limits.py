"""Rate limits and idempotency keys, against the real Redis, also when it is away or forgets."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client, override_settings
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cast import Cast, Person, make_cast
from webapp.agent_tasks.models import Task
from webapp.api import limits
from webapp.api.limits import WINDOWS, RateLimited, count, seconds_left
from webapp.common.tenancy import tenant_scope
from webapp.orchestration import dispatch

AT = 1_800_000_000.0  # the beginning of a calendar hour


@pytest.fixture(scope="module")
def cast() -> Cast:
    return make_cast()


@contextmanager
def redis_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched, override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        dispatch.redis.cache_clear()
        yield
        patched.undo()
    dispatch.redis.cache_clear()


def submit(who: Person, key: str | None, query: str = "What is 2 + 2?") -> HttpResponse:
    headers = {"X-API-Key": who.api_key, **({"Idempotency-Key": key} if key is not None else {})}
    try:
        return Client().post("/api/v1/tasks", {"query": query}, "application/json", headers=headers)  # type: ignore[return-value]
    finally:
        connections.close_all()


def tasks_of(who: Person) -> int:
    with tenant_scope(who.user.tenant_id):
        return Task.objects.filter(user=who.user).count()


# --- rate limits ---


@given(at=st.floats(0, 4e9), window=st.sampled_from([length for _, length in WINDOWS]))
def test_a_window_ends_at_its_calendar_edge(at: float, window: int) -> None:
    left = seconds_left(at, window)
    assert 1 <= left <= window and (int(at) + left) % window == 0


def test_fifty_at_once_at_the_edge_of_a_limit_admit_exactly_the_limit() -> None:
    holder = uuid4().hex

    def one(_: int) -> bool:
        try:
            count(holder, (20, 1000, 1000), AT)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(one, range(50))) == 20


def test_each_window_counts_and_a_refused_request_burns_nothing() -> None:
    holder = uuid4().hex
    for second in (0, 1, 60, 61):
        count(holder, (2, 4, 1000), AT + second)
    with pytest.raises(RateLimited) as refused:
        count(holder, (2, 4, 1000), AT + 120)
    assert (refused.value.window, refused.value.retry_after_s) == ("hour", 3600 - 120)
    for _ in range(9):
        with pytest.raises(RateLimited):
            count(holder, (2, 4, 1000), AT + 121)
    usage = count(holder, (2, 4, 1000), AT + 3600)
    assert usage is not None and usage.left == (1, 3, 995)


def test_a_limited_route_tells_what_is_left_and_a_polled_one_burns_nothing(cast: Cast) -> None:
    headers = {"X-API-Key": cast.user.api_key}
    first = Client().get("/api/v1/tasks", headers=headers)
    assert first["X-RateLimit-Limit-Minute"] == "500" and first["X-RateLimit-Limit-Hour"] == "20000"
    task = submit(cast.user, None).json()["task_id"]
    for _ in range(3):
        polled = Client().get(f"/api/v1/tasks/{task}", headers=headers)
        assert polled.status_code == 200 and "X-RateLimit-Limit-Minute" not in polled
    last = Client().get("/api/v1/tasks", headers=headers)
    assert int(first["X-RateLimit-Remaining-Hour"]) - int(last["X-RateLimit-Remaining-Hour"]) == 2


def test_beyond_the_limit_the_answer_names_window_and_wait(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: AT + 30)
    with override_settings(RATE_LIMITS={"enterprise": (2, 100, 1000)}):
        answers = [submit(cast.operator, None) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    body: Any = answers[2].json()  # type: ignore[attr-defined]
    assert body["window"] == "minute" and answers[2]["Retry-After"] == "30" and "error" in body and "message" in body


def test_without_redis_everybody_may_pass(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis_away(monkeypatch):
        assert Client().get("/api/v1/tasks", headers={"X-API-Key": cast.user.api_key}).status_code == 200


# --- idempotency ---


def test_the_same_submit_twice_is_one_task_and_one_answer(cast: Cast) -> None:
    before, key = tasks_of(cast.admin), uuid4().hex
    first, second = submit(cast.admin, key), submit(cast.admin, key)
    assert first.content == second.content and first["X-Workflow-ID"] == second["X-Workflow-ID"]
    assert second["X-Idempotency-Cached"] == "true" and second["X-Idempotency-Key"] == key
    assert tasks_of(cast.admin) == before + 1


def test_another_body_or_person_or_key_is_another_request(cast: Cast) -> None:
    key = uuid4().hex
    answers = [
        submit(cast.admin, key),
        submit(cast.admin, key, "What is 3 + 3?"),
        submit(cast.owner, key),
        submit(cast.stranger, key),
    ]
    assert len({answer["X-Workflow-ID"] for answer in answers}) == 4


def test_duplicates_at_the_same_moment_make_one_task(cast: Cast) -> None:
    before, key = tasks_of(cast.admin), uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: submit(cast.admin, key), range(8)))
    assert {answer.status_code for answer in answers} == {200} and len(
        {answer["X-Workflow-ID"] for answer in answers}
    ) == 1
    assert tasks_of(cast.admin) == before + 1


def test_a_redis_that_forgot_or_is_away_makes_no_second_task(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    before, key = tasks_of(cast.admin), uuid4().hex
    first = submit(cast.admin, key)
    dispatch.redis().flushall()
    second = submit(cast.admin, key)
    with redis_away(monkeypatch), ThreadPoolExecutor(4) as pool:
        others = list(pool.map(lambda _: submit(cast.admin, key), range(4)))
    assert {answer["X-Workflow-ID"] for answer in (second, *others)} == {first["X-Workflow-ID"]}
    assert tasks_of(cast.admin) == before + 1


def test_a_refused_request_is_not_kept(cast: Cast) -> None:
    key = uuid4().hex
    assert submit(cast.admin, key, "").status_code == 400
    assert "X-Idempotency-Cached" not in submit(cast.admin, key, "")


@override_settings(IDEMPOTENCY_WAIT_S=0.1)
def test_while_the_first_is_at_work_the_second_is_asked_to_come_back(cast: Cast) -> None:
    from webapp.api import idempotency

    key = uuid4().hex
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(idempotency, "_kept_or_lock", idempotency._kept_or_lock)
        taken: list[str] = []
        real = idempotency._kept_or_lock

        def first_takes(place: str, owner: str) -> Any:
            if not taken:
                taken.append(place)
                dispatch.redis().set(f"hartley:lock:{place}", "someone else", ex=5)
            return real(place, owner)

        patched.setattr(idempotency, "_kept_or_lock", first_takes)
        answer = submit(cast.admin, key)
    assert answer.status_code == 409 and answer["Retry-After"] == "1"
    assert dispatch.redis().get(f"hartley:lock:{taken[0]}") == b"someone else", "another's lock is left alone"


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
def test_a_key_that_can_not_be_is_refused_by_name(key: str, cast: Cast) -> None:
    answer = submit(cast.admin, key)
    assert answer.status_code == 400 and b"Idempotency-Key" in answer.content


# --- other origins ---


def test_another_origin_is_let_in_by_name_only() -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in Client().options("/api/v1/tasks", headers=asked)
    with override_settings(CORS_ALLOWED_ORIGINS=["https://app.example"]):
        allowed = Client().options("/api/v1/tasks", headers=asked)
        pages = Client().options("/tasks", headers=asked)
    assert allowed.status_code == 200 and allowed["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Origin" not in pages
