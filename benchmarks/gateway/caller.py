"""
A worker process that keeps calling through the gateway, in an even rhythm and whatever comes back.

    python -m benchmarks.gateway.caller --redis URL --calls-per-s 50 --seconds 20

The provider is the catalogue's `openai`, as the environment says. Prints its counts as JSON when it ends:
`{"tried": 1000, "answered": 0, "refused": 990, "failed": 10, "cpu_s": 1.2}`; refused are those that were not sent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import time
from collections import Counter
from pathlib import Path

import structlog

from workers.gateway import catalogue as module
from workers.gateway.catalogue import Catalogue
from workers.gateway.complete import Gateway
from workers.gateway.errors import ModelError
from workers.gateway.providers import build_providers
from workers.gateway.shared import SharedGuards
from workers.gateway.types import ModelRequest

SHIPPED = Path(module.__file__).with_name("catalogue.yaml")
REQUEST = ModelRequest(
    purpose="turn",
    provider="openai",
    model="gpt-4o-mini",
    messages=[{"role": "user", "content": "Why?"}],
    query="Why?",
    timeout_s=10,
)


async def main(redis_url: str, calls_per_s: float, seconds: float) -> None:
    catalogue = Catalogue.load(SHIPPED, os.environ)
    guards = SharedGuards.to(redis_url, connections=10)
    gateway = Gateway(catalogue, build_providers(catalogue), guard_of=guards)
    ends: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    began, calls = loop.time(), []
    for n in range(int(calls_per_s * seconds)):
        await asyncio.sleep(max(0, began + n / calls_per_s - loop.time()))
        calls.append(asyncio.create_task(call(gateway, ends)))
    await asyncio.gather(*calls)
    print(json.dumps({"tried": len(calls), **ends, "cpu_s": time.process_time()}), flush=True)
    await gateway.close()
    await guards.close()


async def call(gateway: Gateway, ends: Counter[str]) -> None:
    try:
        await gateway.complete(REQUEST)
        ends["answered"] += 1
    except ModelError as error:
        ends["failed" if error.sent or error.outage else "refused"] += 1


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    given = argparse.ArgumentParser()
    given.add_argument("--redis", required=True)
    given.add_argument("--calls-per-s", type=float, required=True)
    given.add_argument("--seconds", type=float, required=True)
    options = given.parse_args()
    asyncio.run(main(options.redis, options.calls_per_s, options.seconds))
