"""A tool's rate, calls at once and breaker hold over all workers, and whatever Redis does."""

from __future__ import annotations

import asyncio
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


async def test_the_rate_is_a_tenants_over_all_workers_and_a_refusal_says_when_to_come_again(worker):
    tool, one, other = FarTool(rate_per_minute=3, concurrency=0), worker(), worker()
    for each in (one, other, one):
        await each.call(tool, ACME)
    with pytest.raises(RateExceeded) as refused:
        await other.call(tool, ACME, wait_s=1)
    assert refused.value.code == "rate_limit_exceeded" and 15 < refused.value.retry_after_s <= 20
    assert "3 times a minute" in str(refused.value) and len(tool.seen) == 3
    assert (await other.call(tool, GLOBEX)).ok, "another tenant has a bucket of its own"


async def test_a_call_whose_turn_comes_in_time_waits_for_it(worker):
    tool, one = FarTool(rate_per_minute=120, concurrency=0), worker()
    ends = await asyncio.gather(*(one.call(tool, ACME, wait_s=0.9) for _ in range(122)), return_exceptions=True)
    assert codes(ends).count("done") in (121, 122), "120 at once, and what comes within the wait"


async def test_no_more_calls_are_out_than_may_be_and_the_others_have_their_turn(worker):
    tool, workers = FarTool(concurrency=2), [worker(), worker(), worker()]
    calls = [workers[n % 3].call(tool, ACME, takes_s=0.03, wait_s=5) for n in range(12)]
    assert all(end.ok for end in await asyncio.gather(*calls))
    assert tool.most == 2 and len(tool.seen) == 12


async def test_who_finds_no_slot_in_time_is_refused_and_another_tenant_is_not(worker):
    tool, one, other = FarTool(concurrency=1), worker(), worker()
    long = asyncio.create_task(one.call(tool, ACME, "long", takes_s=5))
    while not tool.seen:
        await asyncio.sleep(0.01)
    with pytest.raises(RateExceeded, match="1 calls at once"):
        await other.call(tool, ACME, wait_s=0.1)
    assert (await other.call(tool, GLOBEX)).ok
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)
    assert (await other.call(tool, ACME)).ok, "what was stopped has given its slot back"


async def test_a_slot_is_kept_as_long_as_its_worker_lives_and_comes_back_when_it_dies(worker, monkeypatch, valkey):
    monkeypatch.setattr(slots, "LEASE_S", 0.3)
    tool, one, other = FarTool(concurrency=1), worker(), worker()
    long = asyncio.create_task(one.call(tool, ACME, takes_s=30))
    while not tool.seen:
        await asyncio.sleep(0.01)
    with pytest.raises(RateExceeded):
        await other.call(tool, ACME, wait_s=0.6)
    valkey.client.flushall()
    async with asyncio.timeout(5):
        while not valkey.client.keys("hartley:slots:*"):
            await asyncio.sleep(0.01)
    with pytest.raises(RateExceeded):
        await other.call(tool, ACME, wait_s=0.1)
    for task in asyncio.all_tasks():
        if task.get_name() == "tools.slots":
            task.cancel()  # as when its process is gone: nobody renews
    assert (await other.call(tool, ACME, wait_s=3)).ok
    long.cancel()
    await asyncio.gather(long, return_exceptions=True)


async def test_a_platform_tools_breaker_is_one_for_all_tenants_and_one_probe_closes_it(worker, valkey):
    tool, one, other = FarTool(concurrency=0), worker(), worker()
    await down(tool, one)
    with pytest.raises(ToolBreakerOpen) as refused:
        await other.call(tool, GLOBEX)
    assert refused.value.code == "circuit_breaker_open" and 0 < refused.value.retry_after_s <= 0.4
    [state] = tool_breaker_states(valkey.client, PLATFORM)
    assert (state.provider, state.state, state.error) == ("far", "open", "far.away")
    assert valkey.client.ttl(f"hartley:tool-breakers:{PLATFORM}") > 0, "it is not kept for ever"
    await asyncio.sleep(refused.value.retry_after_s + 0.02)
    ends = await asyncio.gather(
        *(worker.call(tool, ACME, takes_s=0.05) for worker in (one, other)), return_exceptions=True
    )
    assert sorted(codes(ends)) == ["circuit_breaker_open", "done"], "one probes"
    assert (await other.call(tool, GLOBEX)).ok


async def test_a_tenants_own_tool_fails_for_that_tenant_alone(worker, valkey):
    tool, one, other = FarTool(concurrency=0, is_own=True), worker(), worker()
    await down(tool, one)
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
    with pytest.raises(ToolBreakerOpen):
        await one.call(far, ACME)
    assert (await one.call(named, ACME)).ok


async def test_redis_goes_and_comes_back_and_no_call_fails_by_it(worker, valkey, monkeypatch):
    tool, one = FarTool(concurrency=2), worker()
    assert (await one.call(tool, ACME)).ok
    valkey.kill()
    try:
        calls = (one.call(tool, ACME, takes_s=0.02, wait_s=5) for _ in range(6))
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
