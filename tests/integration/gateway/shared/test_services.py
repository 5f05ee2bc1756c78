"""The gateway of a worker process shares its limits with all others."""

from __future__ import annotations

import hashlib

from redis import Redis

from tests.support.model_server import ModelServer
from tests.support.services import Services as Started
from webapp.common.breakers import BUCKET
from workers.gateway.types import ModelRequest
from workers.services import Services


async def test_a_workers_call_takes_its_token_from_the_bucket_of_its_key(
    services: Started, server: ModelServer, monkeypatch
):
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-scripted")
    monkeypatch.setenv("CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE", "2")  # a full bucket leaves nothing behind
    holders = {None: "operator", "sk-own": hashlib.sha256(b"sk-own").hexdigest()[:16]}
    buckets = {key: BUCKET.format(provider="openai", holder=holder) for key, holder in holders.items()}
    own = Services()
    try:
        with Redis.from_url(services.env["REDIS_URL"]) as redis:
            for key, bucket in buckets.items():
                redis.delete(*buckets.values())
                asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why?"}], "query": "Why?"}
                await own.gateway.complete(
                    ModelRequest(purpose="turn", provider="openai", timeout_s=20, api_key=key, **asked)
                )
                assert {name for name in buckets.values() if redis.exists(name)} == {bucket}
    finally:
        await own.close()
