"""Redis forgets, dies, hangs and comes back: no call fails by that, and none hangs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.acme import Acme
from tests.support.own_valkey import OwnValkey
from workers.gateway import line
from workers.gateway.errors import BreakerOpen, ModelOverloaded, ModelRateLimited


@pytest.fixture
def valkey() -> Iterator[OwnValkey]:
    """For one test, since it won't be the same after."""
    own = OwnValkey()
    yield own
    own.thaw()
    own.stop()


@pytest.fixture(autouse=True)
def _soon_back(monkeypatch):
    monkeypatch.setattr(line, "AWAY_S", 0.1)


async def opened(acme: Acme, guards) -> None:
    acme.down = True
    for _ in range(acme.settings.breaker.failures):
        with pytest.raises(ModelOverloaded):
            await acme.call(guards)


async def asks_redis(acme: Acme, guards, valkey) -> None:
    """Until it does again; its own limits may refuse it before."""
    before = valkey.messages()
    async with asyncio.timeout(30):
        while valkey.messages() == before:
            with suppress(ModelRateLimited):
                await acme.call(guards, wait_s=0)
            await asyncio.sleep(0.01)


async def test_each_process_goes_by_its_own_limits_until_redis_is_back(valkey, worker):
    acme, first, second = Acme(per_minute=5), worker(), worker()
    await asyncio.gather(*(acme.call(first, wait_s=0) for _ in range(5)))
    with pytest.raises(ModelRateLimited):
        await acme.call(second, wait_s=0)
    valkey.kill()
    for guards in (first, second):
        await asyncio.gather(*(acme.call(guards, wait_s=0.5) for _ in range(5)))
        with pytest.raises(ModelRateLimited):
            await acme.call(guards, wait_s=0.05)
    valkey.start()
    await asks_redis(acme, first, valkey)


async def test_the_own_breaker_takes_over_from_what_was_known_and_counts_on(valkey, worker, becomes):
    acme, knows, other = Acme(recovery_s=600), worker(), worker()
    await acme.call(other)
    await opened(acme, knows)
    await becomes(acme, "open")
    with pytest.raises(BreakerOpen):
        await acme.call(knows)
    valkey.kill()
    with pytest.raises(BreakerOpen):
        await acme.call(knows)
    await opened(acme, other)
    with pytest.raises(BreakerOpen):
        await acme.call(other)


async def test_a_redis_that_has_forgotten_hears_of_the_open_breaker_from_who_knows(valkey, worker, becomes, state_of):
    acme, first, second = Acme(recovery_s=1), worker(), worker()
    await opened(acme, first)
    await becomes(acme, "open")
    valkey.client.flushall()
    arrived = len(acme.arrived)
    while state_of(acme) is None:
        with pytest.raises((BreakerOpen, ModelOverloaded)):
            await acme.call(first)
        await asyncio.sleep(0.01)
    assert len(acme.arrived) == arrived + 1 and (await becomes(acme, "open")).failures == 4
    with pytest.raises(BreakerOpen):
        await acme.call(second)


async def test_buckets_are_full_again_when_redis_has_forgotten(valkey, worker):
    acme, one = Acme(per_minute=5), worker()
    for _ in range(2):
        await asyncio.gather(*(acme.call(one, wait_s=0) for _ in range(5)))
        with pytest.raises(ModelRateLimited):
            await acme.call(one, wait_s=0)
        valkey.client.flushall()


async def test_a_flood_goes_on_while_redis_forgets_dies_and_comes_back(valkey, worker):
    acme, workers, over = Acme(), [worker() for _ in range(3)], asyncio.Event()

    async def keep_calling(guards) -> int:
        calls = 0
        while not over.is_set():
            await acme.call(guards)
            calls += 1
            await asyncio.sleep(0.005)
        return calls

    flood = asyncio.gather(*(keep_calling(guards) for guards in workers for _ in range(10)))
    for happens in (valkey.client.flushall, valkey.kill, valkey.start):
        await asyncio.sleep(0.2)
        await asyncio.to_thread(happens)
    await asyncio.sleep(0.4)
    over.set()
    assert sum(await flood) == len(acme.arrived) > 100


async def test_a_redis_that_hangs_costs_one_short_wait(valkey, worker, monkeypatch):
    monkeypatch.setattr(line, "ANSWER_S", 3)
    monkeypatch.setattr(line, "AWAY_S", 60)
    acme, one = Acme(), worker()
    await acme.call(one)
    valkey.freeze()
    began = time.monotonic()
    await asyncio.gather(*(acme.call(one) for _ in range(50)))
    assert 2.9 < time.monotonic() - began < 60, "not one for each"
    began = time.monotonic()
    await acme.call(one)
    assert time.monotonic() - began < 2.9, "the next do not even try"


async def test_a_call_that_waits_while_redis_dies_goes_by_the_own_breaker(valkey, worker):
    acme, one = Acme(connections=1), worker()
    acme.gate.clear()
    calls = [asyncio.create_task(acme.call(one)) for _ in range(3)]
    while not acme.arrived:
        await asyncio.sleep(0.005)
    valkey.kill()
    acme.gate.set()
    await asyncio.gather(*calls)
    assert len(acme.arrived) == 3
