"""One breaker over all workers, with one probe."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress

import pytest

from tests.support.acme import Acme
from workers.gateway.errors import BreakerOpen, ModelError, ModelOverloaded, ModelRefused


async def fail(acme: Acme, guards, times: int = 1) -> None:
    acme.down = True
    for _ in range(times):
        with pytest.raises(ModelOverloaded):
            await acme.call(guards)


async def opened(acme: Acme, guards, becomes) -> None:
    """This worker knows it, too."""
    await fail(acme, guards, acme.settings.breaker.failures)
    await becomes(acme, "open")
    async with asyncio.timeout(30):
        while acme.name not in guards.down():
            await asyncio.sleep(0.005)


async def refused(acme: Acme, guards) -> BreakerOpen:
    """One that is let in instead may never come back."""
    async with asyncio.timeout(30):
        with pytest.raises(BreakerOpen) as caught:
            await acme.call(guards)
    return caught.value


async def due(acme: Acme, state_of) -> None:
    while state_of(acme).left_s > 0:
        await asyncio.sleep(0.01)


async def probe_of(acme: Acme, guards) -> None:
    """A worker that has heard of the opening a moment after Redis calls it open for a moment longer."""
    while True:
        with suppress(BreakerOpen):
            return await acme.call(guards)
        await asyncio.sleep(0.005)


async def test_failures_in_a_row_over_all_workers_open_it_for_all(worker, becomes):
    acme, workers = Acme(recovery_s=600), [worker() for _ in range(3)]
    for guards in workers:
        await fail(acme, guards)
    state = await becomes(acme, "open")
    assert (state.failures, state.error, state.probes) == (3, "model.overloaded", 0) and 500 < state.left_s <= 600
    for guards in workers:
        error = await refused(acme, guards)
        assert "has failed 3 times in a row" in str(error)
        assert error.sent is False and 500 < error.retry_after_s <= 600
    assert len(acme.arrived) == 3


async def test_while_nothing_fails_a_call_costs_one_message_and_leaves_no_trace(worker, valkey, state_of):
    acme, one, before = Acme(), worker(), valkey.messages()
    for _ in range(10):
        await acme.call(one)
    assert valkey.messages() - before == 10 and state_of(acme) is None


async def test_an_open_breaker_costs_no_messages(worker, valkey, becomes):
    acme, one = Acme(recovery_s=600), worker()
    await opened(acme, one, becomes)
    before = valkey.messages()
    for _ in range(50):
        await refused(acme, one)
    assert valkey.messages() == before


@pytest.mark.parametrize("error", [None, ModelRefused("no", sent=True)])
async def test_an_answer_of_any_kind_that_any_worker_gets_ends_the_row(worker, becomes, state_of, error):
    acme, first, second = Acme(failures=2), worker(), worker()
    await fail(acme, first)
    await becomes(acme, "closed")
    with suppress(ModelRefused):
        async with acme.at(second).call(wait_s=1):
            if error:
                raise error
    async with asyncio.timeout(30):
        while state_of(acme).failures:
            await asyncio.sleep(0.005)
    await fail(acme, first)
    async with asyncio.timeout(30):
        while not state_of(acme).failures:
            await asyncio.sleep(0.005)
    assert state_of(acme).state == "closed"


async def test_a_success_that_was_not_worth_a_message_ends_the_row_too(worker, becomes, state_of):
    acme, first, second = Acme(failures=2), worker(), worker()
    async with acme.at(second).call(wait_s=1):
        early = acme.at(second).call(wait_s=1)
        await early.__aenter__()
        await fail(acme, first)  # second knows nothing of it
        await becomes(acme, "closed")
    await early.__aexit__(ModelOverloaded, ModelOverloaded("down", sent=True), None)
    async with acme.at(second).call(wait_s=1):  # is let in by a message that tells of the failure
        assert (state_of(acme).state, state_of(acme).failures) == ("closed", 1)


@pytest.mark.parametrize("crash", [asyncio.CancelledError, ZeroDivisionError])
async def test_a_cancelled_call_and_a_mistake_of_ours_do_not_count(worker, state_of, crash):
    acme, one = Acme(failures=1), worker()
    with pytest.raises(crash):
        async with acme.at(one).call(wait_s=1):
            raise crash
    await acme.call(one)
    assert state_of(acme) is None


async def test_a_dead_provider_gets_one_probe_per_recovery_whatever_the_workers_and_calls(worker, becomes, state_of):
    acme, workers = Acme(), [worker() for _ in range(5)]
    acme.takes_s = 0.01
    await opened(acme, workers[0], becomes)
    first = len(acme.arrived)

    async def keep_calling(guards) -> None:
        while len(acme.arrived) < first + 4:
            with suppress(ModelError):
                await acme.call(guards, wait_s=1)
            await asyncio.sleep(0.01)

    async with asyncio.timeout(30):
        await asyncio.gather(*(keep_calling(guards) for guards in workers for _ in range(20)))
    gaps = [b - a for a, b in itertools.pairwise(acme.arrived[first - 1 :])]
    assert len(gaps) == 4 and min(gaps) > 0.29
    assert state_of(acme).probes == len(gaps)


async def test_the_success_of_the_probe_closes_it_for_all(worker, becomes, state_of):
    acme, workers = Acme(recovery_s=1), [worker() for _ in range(3)]
    await opened(acme, workers[0], becomes)
    await due(acme, state_of)
    acme.down = False
    acme.gate.clear()
    probe = asyncio.create_task(probe_of(acme, workers[1]))
    await becomes(acme, "half_open")
    for guards in workers:
        await refused(acme, guards)
    acme.gate.set()
    await probe
    await becomes(acme, "closed")
    await asyncio.gather(*(acme.call(guards) for guards in workers for _ in range(10)))


async def test_a_late_success_from_before_does_not_close_it_not_even_while_the_probe_is_out(worker, becomes, state_of):
    acme, first, second = Acme(recovery_s=1), worker(), worker()
    early = [acme.at(guards).call(wait_s=1) for guards in (first, second)]
    for call in early:
        await call.__aenter__()
    await opened(acme, first, becomes)
    await early[0].__aexit__(None, None, None)
    await due(acme, state_of)
    acme.gate.clear()
    probe = asyncio.create_task(probe_of(acme, first))
    await becomes(acme, "half_open")
    await early[1].__aexit__(None, None, None)
    await refused(acme, second)  # its answer comes after that end was told
    assert state_of(acme).state == "half_open"
    acme.gate.set()
    with pytest.raises(ModelOverloaded):
        await probe
    await becomes(acme, "open")


async def test_a_cancelled_probe_gives_its_right_to_the_next_call(worker, becomes, state_of):
    acme, first, second = Acme(recovery_s=1), worker(), worker()
    await opened(acme, first, becomes)
    await due(acme, state_of)
    acme.gate.clear()
    probe = asyncio.create_task(probe_of(acme, first))
    await becomes(acme, "half_open")
    probe.cancel()
    await becomes(acme, "open")
    acme.gate.set()
    acme.down = False
    await acme.call(second)
    assert (await becomes(acme, "closed")).probes == 2


async def test_a_probe_that_takes_longer_than_the_recovery_stays_the_only_one(worker, becomes, state_of):
    acme, first, second = Acme(recovery_s=1), worker(), worker()
    await opened(acme, first, becomes)
    await due(acme, state_of)
    acme.down = False
    acme.gate.clear()
    probe = asyncio.create_task(probe_of(acme, first))
    began = (await becomes(acme, "half_open")).since
    until = time.monotonic() + 1.3
    while time.monotonic() < until:
        await refused(acme, second)
        await asyncio.sleep(0.02)
    assert state_of(acme).since == began
    acme.gate.set()
    await probe
    await becomes(acme, "closed")


async def test_calls_that_waited_for_a_connection_are_not_sent_when_it_has_opened_meanwhile(worker):
    acme, first = Acme(connections=3, recovery_s=600), worker()
    acme.down = True
    acme.gate.clear()
    calls = [asyncio.create_task(acme.call(first)) for _ in range(20)]
    while len(acme.arrived) < 3:
        await asyncio.sleep(0.005)
    acme.gate.set()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert len(acme.arrived) == 3, "those on their way opened it"
    assert sum(isinstance(end, BreakerOpen) for end in ends) == 17


async def test_keys_share_the_breaker(worker, becomes):
    acme, one = Acme(failures=2, recovery_s=600), worker()
    acme.down = True
    for key in (None, "sk-own"):
        with pytest.raises(ModelOverloaded):
            await acme.call(one, key=key)
    await becomes(acme, "open")
    with pytest.raises(BreakerOpen):
        await acme.call(one, key="sk-other")


async def test_a_worker_tells_which_providers_are_left_alone_as_far_as_it_knows(worker, becomes, state_of):
    acme, one, unaware = Acme(recovery_s=1), worker(), worker()
    await opened(acme, one, becomes)
    await refused(acme, one)
    assert (one.down(), unaware.down()) == ({acme.name}, set())
    async with asyncio.timeout(30):  # the worker heard of the opening after Redis did, and counts from there
        while one.down():
            await asyncio.sleep(0.005)
    assert state_of(acme).left_s == 0, "a probe may be sent"
