"""A farm with the cache on and two processes that call models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from deploy.embedded import programs
from tests.support.farm import Farm
from tests.support.model_server import ModelServer
from tests.support.services import Services
from tests.support.standing import Standing


@pytest.fixture(scope="module")
def caching(standing: Standing, model_server: ModelServer) -> Farm:
    env = {
        "OPENAI_BASE_URL": model_server.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "HARTLEY_ANSWER_CACHE_S": "3600",
        "HARTLEY_HINT_S": "2",
        "HARTLEY_POLICY_LOOK_S": "0.05",
        "HARTLEY_SEMANTIC_EMBED_S": "20",  # however busy the machine
    }
    return standing.ask(env, {"worker-llm-2": programs.worker("llm", "llm2")})


@pytest.fixture
def redis(services: Services) -> Iterator[Redis]:
    with Redis.from_url(services.env["REDIS_URL"]) as line:
        yield line
