"""The breaker opens, probes with one call and closes; the rate limit lets callers wait."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from workers.gateway.entries import BreakerLimits, Provider
from workers.gateway.errors import (
    BreakerOpen,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
    ModelUnreachable,
)
from workers.gateway.resilience import KEYS_KEPT, Breaker, Guard, LocalGuards

OUTAGE = ModelOverloaded("down", sent=False)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock) -> Breaker:
    return Breaker("acme", failures=2, recovery_s=5.0, clock=clock)


def end(breaker: Breaker, error: BaseException | None = None) -> None:
    """One call that ends like this."""
    with suppress(BaseException), breaker.call():
        if error:
            raise error


def opened(breaker: Breaker) -> Breaker:
    end(breaker, OUTAGE)
    end(breaker, OUTAGE)
    assert breaker.state == "open"
    return breaker


def test_failures_in_a_row_open_it_and_then_nothing_is_sent(breaker):
    with pytest.raises(BreakerOpen) as caught, opened(breaker).call():
        pytest.fail("was let through")
    assert (caught.value.sent, caught.value.retry_after_s) == (False, 5.0)


@pytest.mark.parametrize("error", [None, ModelRefused("no", sent=False), ModelRateLimited("slow down", sent=False)])
def test_an_answer_of_any_kind_ends_the_row(breaker, error):
    end(breaker, OUTAGE)
    end(breaker, error)
    end(breaker, OUTAGE)
    assert breaker.state == "closed"


@pytest.mark.parametrize("kind", [ModelTimeout, ModelUnreachable, ModelOverloaded])
def test_what_speaks_against_the_provider_counts(breaker, kind):
    end(breaker, kind("x", sent=True))
    end(breaker, kind("x", sent=True))
    assert breaker.state == "open"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), ZeroDivisionError()])
def test_a_cancelled_call_and_a_mistake_of_ours_do_not_count(breaker, error):
    for _ in range(3):
        end(breaker, error)
    assert breaker.state == "closed"


def test_after_its_rest_exactly_one_call_probes_and_its_success_closes_it(breaker, clock):
    opened(breaker)
    clock.now += 5.0
    with breaker.call():
        for _ in range(3):
            with pytest.raises(BreakerOpen), breaker.call():
                pytest.fail("a second probe")
    assert breaker.state == "closed"
    with breaker.call(), breaker.call():
        pass


def test_a_failed_probe_opens_it_for_another_rest(breaker, clock):
    opened(breaker)
    clock.now += 5.0
    end(breaker, OUTAGE)
    clock.now += 4.9
    with pytest.raises(BreakerOpen), breaker.call():
        pytest.fail("was let through")
    clock.now += 0.2
    end(breaker)
    assert breaker.state == "closed"


def test_a_cancelled_probe_leaves_the_probe_to_the_next_call(breaker, clock):
    opened(breaker)
    clock.now += 5.0
    end(breaker, asyncio.CancelledError())
    end(breaker)
    assert breaker.state == "closed"


def test_a_success_from_before_the_outage_does_not_close_it_while_the_probe_is_out(breaker, clock):
    early = breaker.call()
    early.__enter__()
    opened(breaker)
    clock.now += 5.0
    with breaker.call():
        early.__exit__(None, None, None)
        assert breaker.state == "half_open"
        with pytest.raises(BreakerOpen), breaker.call():
            pytest.fail("a second probe")


def test_a_failure_from_before_the_outage_does_not_prolong_it(breaker, clock):
    early = breaker.call()
    early.__enter__()
    opened(breaker)
    clock.now += 4.0
    early.__exit__(ModelOverloaded, OUTAGE, None)
    clock.now += 1.0
    end(breaker)
    assert breaker.state == "closed"


def test_it_takes_over_what_another_says_and_goes_on_from_there(breaker, clock):
    breaker.follow("half_open", failures=7, left_s=3.0)
    with pytest.raises(BreakerOpen, match="7 times") as caught, breaker.call():
        pytest.fail("the probe of another is out")
    assert caught.value.retry_after_s == 3.0
    clock.now += 3.0
    end(breaker, OUTAGE)
    assert (breaker.state, breaker.left_s) == ("open", 5.0)
    breaker.follow("closed", failures=1, left_s=0)
    end(breaker, OUTAGE)
    assert breaker.state == "open", "one failure was known, and this is the second"


def test_a_call_from_before_another_opened_it_has_no_say(breaker):
    early = breaker.call()
    early.__enter__()
    breaker.follow("open", failures=2, left_s=5)
    breaker.follow("closed", failures=1, left_s=0)
    early.__exit__(None, None, None)
    end(breaker, OUTAGE)
    assert breaker.state == "open", "the row was not ended"


def settings(*, per_minute: int, connections: int = 1000) -> Provider:
    limits = BreakerLimits(failures=1, recovery_s=60)
    return Provider(
        protocol="offline", requests_per_minute=per_minute, connections=connections, breaker=limits, models={}
    )


def guard(*, per_minute: int, connections: int = 1000) -> Guard:
    return Guard("acme", settings(per_minute=per_minute, connections=connections))


async def test_callers_beyond_the_rate_wait_and_none_fails():
    limited, loop = guard(per_minute=600), asyncio.get_running_loop()

    async def one() -> float:
        async with limited.call(wait_s=30):
            return loop.time()

    began = loop.time()
    ends = sorted(await asyncio.gather(*(one() for _ in range(605))))
    assert len(ends) == 605
    assert ends[-1] - began >= 0.3, "600 at once, then ten a second"


async def test_waiting_has_an_end_and_nothing_was_sent_by_then():
    limited = guard(per_minute=1)
    async with limited.call(wait_s=1):
        pass
    with pytest.raises(ModelRateLimited) as caught:
        async with limited.call(wait_s=0.05):
            pytest.fail("was let through")
    assert caught.value.sent is False


async def test_no_more_calls_at_once_than_connections():
    limited = guard(per_minute=1000, connections=3)
    now, most = 0, 0

    async def one() -> None:
        nonlocal now, most
        async with limited.call(wait_s=30):
            now, most = now + 1, max(most, now + 1)
            await asyncio.sleep(0.01)
            now -= 1

    await asyncio.gather(*(one() for _ in range(12)))
    assert most == 3


async def test_a_call_refused_by_the_breaker_gives_its_place_back():
    limited = guard(per_minute=1000, connections=1)
    with pytest.raises(ModelOverloaded):
        async with limited.call(wait_s=1):
            raise OUTAGE
    for _ in range(3):
        with pytest.raises(BreakerOpen):
            async with limited.call(wait_s=1):
                pytest.fail("was let through")


async def test_each_key_has_its_own_rate_beside_one_breaker_and_the_same_connections():
    guards, entry = LocalGuards(), settings(per_minute=1)
    for key in (None, "sk-one", "sk-two"):
        async with guards("acme", entry, key).call(wait_s=0):
            pass
        with pytest.raises(ModelRateLimited):
            async with guards("acme", entry, key).call(wait_s=0.01):
                pytest.fail("was let through")
    one, other = guards("acme", entry, "sk-one"), guards("acme", entry, None)
    assert one.breaker is other.breaker and one.at_once is other.at_once


def test_limits_that_did_not_change_keep_their_guard_and_changed_ones_get_a_new_one():
    guards = LocalGuards()
    kept = guards("acme", settings(per_minute=1), None)
    assert guards("acme", settings(per_minute=1), None) is kept
    assert guards("acme", settings(per_minute=2), None) is not kept


def test_of_many_keys_the_one_unused_for_longest_is_forgotten():
    guards, entry = LocalGuards(), settings(per_minute=1)
    first, second, operator = (guards("acme", entry, key) for key in ("sk-first", "sk-second", None))
    for n in range(KEYS_KEPT - 2):
        guards("acme", entry, f"sk-{n}")
        assert guards("acme", entry, "sk-first") is first
    assert guards("acme", entry, "sk-first") is first and guards("acme", entry, None) is operator
    assert guards("acme", entry, "sk-second") is not second
