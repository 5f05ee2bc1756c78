"""What the API says while Redis is away, and of numbers that no database counts to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.support.cast import Cast
from webapp.orchestration import dispatch


@pytest.fixture
def without_redis(settings: Any) -> Iterator[None]:
    def anew() -> None:
        dispatch.broker.cache_clear()
        dispatch.redis.cache_clear()

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    anew()
    yield
    anew()


def test_readiness_names_redis_when_it_is_away(without_redis: None) -> None:
    answer = Client().get("/readiness")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "not reachable" and answer.json()["checks"]["database"] == "ok"


@pytest.mark.parametrize("query", ["limit=" + "9" * 5000, "offset=" + "9" * 25, "offset=-1", "limit=0", "limit=1e3"])
def test_a_number_out_of_range_is_refused_with_its_range(query: str, cast: Cast) -> None:
    answer = Client().get(f"/api/v1/tasks?{query}", headers={"X-API-Key": cast.owner.api_key})
    assert answer.status_code == 400
    assert f"{query.split('=')[0]}: must be a whole number from" in answer.json()["error"]
