"""A tool's rate, calls at once and breaker hold over all workers, and whatever Redis does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from tests.support.far_tool import FarTool
from webapp.common.breakers import PLATFORM, tool_breaker_states
from workers.tool_limits import RateExceeded, ToolBreakerOpen, ToolTimeout
from workers.toolbox.limits import guards, slots

ACME, GLOBEX = uuid4(), uuid4()


def codes(ends: list[Any]) -> list[str]:
    return [getattr(end, "code", "done") for end in ends]


async def down(tool: FarTool, worker: Any, tenant: Any = ACME, times: int = 3) -> None:
    tool.down = True
    for _ in range(times):
        assert not (await worker.call(tool, tenant)).ok
    tool.down = False


async def opened(tool: FarTool, worker: Any, valkey: Any, whose: str) -> None:
    """What a worker says of an ended call is on its way for a moment."""
    await down(tool, worker)
    async with asyncio.timeout(30):
        while [state.state for state in tool_breaker_states(valkey.client, whose)] != ["open"]:
            await asyncio.sleep(0.005)


async def let_in(tool: FarTool, worker: Any, tenant: Any) -> Any:
    """The worker that hears of a change last goes by what was for a moment longer."""
    async with asyncio.timeout(30):
        while True:
            with suppress(ToolBreakerOpen):
                return await worker.call(tool, tenant)
            await asyncio.sleep(0.01)


async def test_the_rate_is_a_tenants_over_all_workers_and_a_refusal_says_when_to_come_again(worker):
    tool, one, other = FarTool(rate_per_minute=3, concurrency=0), worker(), worker()
    for each in (one, other, one):
        await each.call(tool, ACME)
    with pytest.raises(RateExceeded) as refused:
        await other.call(tool, ACME, wait_s=1)
    assert refused.value.code == "rate_limit_exceeded" and 5 < refused.value.retry_after_s <= 20
    assert "3 times a minute" in str(refused.value) and len(tool.seen) == 3
    assert (await other.call(tool, GLOBEX)).ok, "another tenant has a bucket of its own"


async def test_a_call_whose_turn_comes_in_time_waits_for_it(worker):
    tool, one = FarTool(rate_per_minute=120, concurrency=0), worker()
    ends = await asyncio.gather(*(one.call(tool, ACME, wait_s=0.9) for _ in range(122)), return_exceptions=True)
    assert codes(ends).count("done") in (121, 122), "120 at once, and what comes within the wait"


async def test_no_more_calls_are_out_than_may_be_and_the_others_have_their_turn(worker):
    tool, workers = FarTool(concurrency=2), [worker(), worker(), worker()]
    calls = [workers[n % 3].call(tool, ACME, takes_s=0.03) for n in range(12)]
    assert all(end.ok for end in await asyncio.gather(*calls))
    assert tool.most == 2 and len(tool.seen) == 12


async def test_who_finds_no_slot_in_time_is_refused_and_another_tenant_is_not(worker):
    tool, one, other = FarTool(concurrency=1), worker(), worker()
    long = asyncio.create_task(one.call(tool, ACME, "long", takes_s=600))
    while not tool.seen:
        await asyncio.sleep(0.01)
    with pytest.raises(RateExceeded, match="1 calls at once"):
        await other.call(tool, ACME, wait_s=0.1)
    assert (await other.call(tool, GLOBEX)).ok
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)
    assert (await other.call(tool, ACME)).ok, "what was stopped has given its slot back"


async def test_a_deadline_holds_at_whatever_moment_of_the_talk_with_redis_it_comes(worker):
    tool, one = FarTool(concurrency=1, timeout_s=60.0), worker()
    long = asyncio.create_task(one.call(tool, ACME, "long", takes_s=600))
    while not tool.seen:
        await asyncio.sleep(0.01)
    for n in range(120):
        async with asyncio.timeout(30):
            with pytest.raises(RateExceeded):
                await worker().call(tool, ACME, wait_s=(1 + n % 60) * 0.0002)
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_a_slot_is_kept_as_long_as_its_worker_lives_and_comes_back_when_it_dies(worker, monkeypatch, valkey):
    monkeypatch.setattr(slots, "LEASE_S", 1.0)
    tool, one, other = FarTool(concurrency=1), worker(), worker()
    long = asyncio.create_task(one.call(tool, ACME, takes_s=600))
    while not tool.seen:
        await asyncio.sleep(0.01)
    with pytest.raises(RateExceeded):
        await other.call(tool, ACME, wait_s=1.4)
    valkey.client.flushall()
    async with asyncio.timeout(30):
        while not valkey.client.keys("hartley:slots:*"):
            await asyncio.sleep(0.01)
    with pytest.raises(RateExceeded):
        await other.call(tool, ACME, wait_s=0.1)
    for task in asyncio.all_tasks():
        if task.get_name() == "tools.slots":
            task.cancel()  # as when its process is gone: nobody renews
    assert (await other.call(tool, ACME, wait_s=15)).ok
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_a_platform_tools_breaker_is_one_for_all_tenants_and_one_probe_closes_it(worker, valkey):
    tool, one, other = FarTool(concurrency=0), worker(), worker()
    await opened(tool, one, valkey, PLATFORM)
    with pytest.raises(ToolBreakerOpen) as refused:
        await other.call(tool, GLOBEX)
    assert refused.value.code == "circuit_breaker_open" and 0 < refused.value.retry_after_s <= 2
    [state] = tool_breaker_states(valkey.client, PLATFORM)
    assert (state.provider, state.state, state.error) == ("far", "open", "far.away")
    assert valkey.client.ttl(f"hartley:tool-breakers:{PLATFORM}") > 0, "it is not kept for ever"
    tool.gate, before = asyncio.Event(), len(tool.seen)
    probe = asyncio.create_task(let_in(tool, one, ACME))
    while len(tool.seen) == before:
        await asyncio.sleep(0.01)
    for each in (one, other):
        with pytest.raises(ToolBreakerOpen):
            await each.call(tool, GLOBEX)
    assert len(tool.seen) == before + 1, "one probes"
    tool.gate.set()
    assert (await probe).ok and (await let_in(tool, other, GLOBEX)).ok


async def test_a_tenants_own_tool_fails_for_that_tenant_alone(worker, valkey):
    tool, one, other = FarTool(concurrency=0, is_own=True), worker(), worker()
    await opened(tool, one, valkey, str(ACME))
    with pytest.raises(ToolBreakerOpen):
        await other.call(tool, ACME)
    assert (await other.call(tool, GLOBEX)).ok
    assert tool_breaker_states(valkey.client, PLATFORM) == tool_breaker_states(valkey.client, str(GLOBEX)) == []
    assert [state.provider for state in tool_breaker_states(valkey.client, str(ACME))] == ["far"]


async def test_a_late_answer_counts_where_one_service_answers_all_calls_and_else_not(worker):
    far, named, one = FarTool(timeout_s=0.02), FarTool(name="named", remote=False, timeout_s=0.02), worker()
    for tool in (far, named):
        for _ in range(3):
            with pytest.raises(ToolTimeout) as late:
                await one.call(tool, ACME, takes_s=1)
            assert late.value.code == "request_timeout"
    named.timeout_s = 20.0
    with pytest.raises(ToolBreakerOpen):
        await one.call(far, ACME)
    assert (await one.call(named, ACME)).ok


async def test_redis_goes_and_comes_back_and_no_call_fails_by_it(worker, valkey, monkeypatch):
    tool, one = FarTool(concurrency=2), worker()
    assert (await one.call(tool, ACME)).ok
    valkey.kill()
    try:
        calls = (one.call(tool, ACME, takes_s=0.02) for _ in range(6))
        assert all(end.ok for end in await asyncio.gather(*calls)) and tool.most == 2, "each process keeps to the limit"
        await down(tool, one)
        with pytest.raises(ToolBreakerOpen):
            await one.call(tool, ACME)
    finally:
        valkey.start()


async def test_limits_of_tools_that_were_not_used_for_long_are_forgotten_here_and_not_in_redis(worker, monkeypatch):
    monkeypatch.setattr(guards, "NAMES_KEPT", 2)
    far, one = FarTool(concurrency=0), worker()
    await down(far, one)
    for name in ("a", "b"):
        assert (await one.call(FarTool(name=name), ACME)).ok
    assert set(one.guards._shared._desks) == {"platform/a", "platform/b"}
    with pytest.raises(ToolBreakerOpen):
        await one.call(far, ACME)


async def test_a_tool_that_only_computes_here_asks_nobody(valkey, worker):
    tool = FarTool(remote=False, concurrency=0, rate_per_minute=0)
    one, before = worker(), valkey.messages()
    assert (await one.call(tool, ACME)).ok
    assert valkey.messages() == before
