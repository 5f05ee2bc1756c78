"""Requests per minute over all workers: never exceeded, and who has to wait waits no longer than needed."""

from __future__ import annotations

import asyncio
import json
import random
import time
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.acme import Acme
from webapp.common.breakers import BREAKERS, BUCKET
from workers.gateway.errors import ModelRateLimited
from workers.gateway.line import SCRIPT

GROUPS = st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0.0, 0.5, 3.0, 90.0])), min_size=1, max_size=8)
SLACK_S = 0.001


def drain(valkey, acme: Acme) -> float:
    """Its burst is used up: from now on there are as many as the rate gives. The moment."""
    began = time.monotonic()
    valkey.client.set(BUCKET.format(provider=acme.name, holder="operator"), micros(valkey.client) + 60, ex=3600)
    return began


def given_away(valkey, acme: Acme) -> float:
    return float(valkey.client.get(BUCKET.format(provider=acme.name, holder="operator")) or 0)


async def test_the_rate_is_never_exceeded_over_all_workers_and_waiters_go_in_time(valkey, worker):
    acme, workers = Acme(per_minute=6000), [worker() for _ in range(4)]
    began = drain(valkey, acme)
    await asyncio.gather(*(acme.call(workers[n % 4]) for n in range(100)))
    late = [at - began - n / 100 for n, at in enumerate(sorted(acme.arrived), 1)]
    assert min(late) >= -0.001, "the n-th goes when n tokens have come"
    assert len(late) == 100 and sorted(late)[25] < 0.1 and max(late) < 5, "as far as the machine is not busy"


async def test_an_idle_bucket_holds_the_calls_of_a_minute_and_they_go_at_once(worker):
    acme, workers = Acme(per_minute=10), [worker(), worker()]
    ends = await asyncio.gather(*(acme.call(workers[n % 2], wait_s=0) for n in range(20)), return_exceptions=True)
    assert len(acme.arrived) in (10, 11), "one more in six seconds"
    assert sum(isinstance(end, ModelRateLimited) for end in ends) == 20 - len(acme.arrived)


async def test_ten_thousand_calls_at_once_cost_a_few_messages(valkey, worker):
    acme, one, before = Acme(per_minute=600_000, connections=20_000), worker(), valkey.messages()
    await asyncio.gather(*(acme.call(one) for _ in range(10_000)))
    assert len(acme.arrived) == 10_000
    assert valkey.messages() - before <= 3


async def test_a_call_that_would_wait_too_long_is_told_at_once_and_takes_no_token(valkey, worker):
    acme, one = Acme(per_minute=1), worker()
    drain(valkey, acme)
    before = given_away(valkey, acme)
    with pytest.raises(ModelRateLimited, match=f"No turn at {acme.name} within 0.5 s") as caught:
        await acme.call(one, wait_s=0.5)
    assert caught.value.sent is False and given_away(valkey, acme) == before


async def test_callers_that_go_away_give_their_tokens_back(valkey, worker):
    acme, one = Acme(per_minute=1), worker()
    drain(valkey, acme)
    before = given_away(valkey, acme)
    waiting = [asyncio.create_task(acme.call(one, wait_s=3600)) for _ in range(20)]
    async with asyncio.timeout(30):
        while given_away(valkey, acme) < before + 20 * 60 - 1:
            await asyncio.sleep(0.005)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    async with asyncio.timeout(30):
        while given_away(valkey, acme) > before + 0.001:
            await asyncio.sleep(0.005)
    assert acme.arrived == []


async def test_a_caller_that_goes_away_while_it_asks_gives_its_token_back(valkey, worker):
    acme, one = Acme(per_minute=1), worker()
    gone = asyncio.create_task(acme.call(one))
    await asyncio.sleep(0)  # it has asked
    gone.cancel()
    await asyncio.wait([gone])
    async with asyncio.timeout(30):
        while not acme.arrived:
            try:
                await acme.call(one, wait_s=0)
            except ModelRateLimited:
                await asyncio.sleep(0.005)


async def test_each_key_has_a_bucket_of_its_own_and_no_key_is_in_redis(valkey, worker):
    acme, one = Acme(per_minute=1), worker()
    for key in (None, "sk-first-0123456789", "sk-second-0123456789"):
        await acme.call(one, wait_s=0, key=key)
        with pytest.raises(ModelRateLimited):
            await acme.call(worker(), wait_s=0, key=key)
    names = [name.decode() for name in valkey.client.scan_iter(f"*{acme.name}*")]
    assert len(names) == 3 and not any("sk-" in name for name in names)


async def test_connections_are_each_process_own(worker):
    acme, workers = Acme(connections=2), [worker(), worker()]
    acme.gate.clear()
    calls = [asyncio.create_task(acme.call(workers[n % 2])) for n in range(10)]
    async with asyncio.timeout(30):
        while len(acme.arrived) < 4:
            await asyncio.sleep(0.005)
    with pytest.raises(ModelRateLimited):
        await acme.call(workers[0], wait_s=0.05)
    assert len(acme.arrived) == 4
    acme.gate.set()
    await asyncio.gather(*calls)
    assert len(acme.arrived) == 10


@settings(max_examples=60, deadline=None)
@given(per_minute=st.sampled_from([1, 7, 60, 977, 100_000]), groups=GROUPS)
def test_every_plan_of_the_script_keeps_to_the_rate_and_refuses_nobody_in_vain(_valkey, per_minute, groups):
    pace_s, name = 60 / per_minute, uuid4().hex
    client, bucket = _valkey.client, f"hartley:bucket:{name}"
    goes: list[tuple[float, float]] = []  # when each may go, not before and not after
    for calls, wait_s in groups:
        began = micros(client)
        asks = [{"bucket": 2, "calls": calls, "wait_s": wait_s}]
        admitted, first_s = asked(client, name, bucket, pace_s, asks)
        ended = micros(client)
        waits = [max(0.0, first_s + n * pace_s) for n in range(1, calls + 1)]
        assert all(wait <= wait_s + 1e-4 for wait in waits[:admitted])
        assert all(wait > wait_s - 1e-4 for wait in waits[admitted:])
        goes += [(began + wait, ended + wait) for wait in waits[:admitted]]
    for i, (first, _) in enumerate(goes):
        for j, (_, last) in enumerate(goes[i:], 1):
            assert j <= per_minute + (last - first + SLACK_S) / pace_s + 1e-3


def micros(client) -> float:
    seconds, rest = client.time()
    return seconds + rest / 1e6


def asked(client, name: str, bucket: str, pace_s: float, asks: list[dict]) -> list:
    """A batch in which nothing has ended."""
    ends = {kind: [] for kind in ("succeeded", "failed", "withdrawn", "renewed", "returned")}
    batch = {**ends, "failures": 3, "recovery_s": 1, "pace_s": pace_s, "asks": asks, "checks": 0}
    return json.loads(client.eval(SCRIPT, 2, BREAKERS, bucket, name, json.dumps(batch)))["turns"][0]


async def test_whatever_moment_callers_go_away_at_no_connection_and_no_token_is_lost(valkey, worker):
    acme, one, chance = Acme(connections=5, per_minute=60_000, failures=10_000), worker(), random.Random(7)
    acme.takes_s = 0.001

    async def leave(task: asyncio.Task) -> None:
        while not acme.arrived:
            await asyncio.sleep(0)
        await asyncio.sleep(chance.uniform(0, 0.1))
        task.cancel()

    calls = [asyncio.create_task(acme.call(one)) for _ in range(400)]
    await asyncio.gather(*calls, *(leave(task) for task in calls), return_exceptions=True)
    assert 0 < len(acme.arrived) < 400
    acme.gate.clear()
    acme.arrived.clear()
    calls = [asyncio.create_task(acme.call(one)) for _ in range(8)]
    async with asyncio.timeout(30):
        while len(acme.arrived) < 5:
            await asyncio.sleep(0.005)
    acme.gate.set()
    await asyncio.gather(*calls)


async def test_tokens_of_callers_that_go_away_serve_others(valkey, worker):
    acme, one, chance = Acme(per_minute=6), worker(), random.Random(7)
    drain(valkey, acme)
    drained = given_away(valkey, acme)

    def taken() -> float:
        return (given_away(valkey, acme) - drained) / 10

    calls = [asyncio.create_task(acme.call(one, wait_s=3600)) for _ in range(100)]
    async with asyncio.timeout(30):
        while taken() < 99:
            await asyncio.sleep(0.005)
        for task in chance.sample(calls, 95):
            task.cancel()
        await asyncio.sleep(0)
        kept = sum(not (task.cancelled() or task.cancelling()) for task in calls)
        assert 5 <= kept < 50, "some have gone already"
        while taken() > kept + 0.5:
            await asyncio.sleep(0.005)
    assert taken() > kept - 0.5
    for task in calls:
        task.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
