"""Who is asked next, and when: after a failure, and beside one that takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from webapp.common.errors import HartleyError
from workers.beats import StepLost
from workers.race import KEPT, Hedge, HedgeShare, Race


class Elsewhere(HartleyError):
    code = "elsewhere"
    elsewhere = True


class Timeout(Elsewhere):
    kind = "timeout"


class Overloaded(Elsewhere):
    kind = "resource"


class Final(HartleyError):
    code = "final"


class Runner:
    """One of a race: answers, fails or waits until it is told to; `beside` as it was asked, None if it never was."""

    def __init__(self, outcome: str | Exception | None) -> None:
        self.outcome, self.go = outcome, asyncio.Event()
        self.asked: Callable[[], None] = lambda: None
        self.beside: bool | None = None
        self.cancelled = False

    async def __call__(self, beside: bool) -> str:
        self.beside = beside
        self.asked()
        try:
            if self.outcome is None:
                await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome or "late"


def race(*runners: Runner, hedge: Hedge | None = None) -> Race[str]:
    asks: list[Callable[[bool], Awaitable[str]]] = list(runners)
    made: Race[str] = Race(asks, hedge)
    for runner in runners:
        runner.asked = made.asked
    return made


NOW = Hedge(0.0)


async def test_the_first_that_answers_is_the_only_one_asked() -> None:
    first, second = Runner("a"), Runner("b")
    assert await race(first, second).run() == "a"
    assert (first.beside, second.beside) == (False, None)


async def test_a_failure_that_others_may_not_have_goes_on_to_the_next_through_the_whole_list() -> None:
    assert await race(Runner(Elsewhere("x")), Runner(Elsewhere("x")), Runner("c")).run() == "c"


async def test_what_would_fail_everywhere_ends_it_at_the_first() -> None:
    second = Runner("b")
    with pytest.raises(Final):
        await race(Runner(Final("x")), second).run()
    assert second.beside is None


async def test_of_all_failures_one_that_a_retry_may_mend_is_told() -> None:
    with pytest.raises(Timeout):
        await race(Runner(Elsewhere("x")), Runner(Timeout("slow")), Runner(Final("x"))).run()


async def test_of_two_that_a_retry_may_mend_the_one_with_more_tries_is_told() -> None:
    with pytest.raises(Overloaded):
        await race(Runner(Timeout("slow")), Runner(Overloaded("busy")), Runner(Timeout("slow"))).run()


async def test_a_slow_first_gets_company_and_the_first_success_wins() -> None:
    first, second = Runner(None), Runner("b")
    assert await race(first, second, hedge=NOW).run() == "b"
    assert second.beside is True and first.cancelled


async def test_a_failing_second_does_not_end_the_first() -> None:
    first = Runner(None)
    running = asyncio.ensure_future(race(first, Runner(Elsewhere("x")), hedge=NOW).run())
    while first.beside is None:
        await asyncio.sleep(0)
    first.go.set()
    assert await running == "late"


async def test_when_both_of_a_hedge_fail_the_third_is_asked() -> None:
    first = Runner(None)
    first.outcome = Elsewhere("x")
    assert await race(first, Runner(Elsewhere("x")), Runner("c"), hedge=NOW).run() == "c"


async def test_no_company_where_it_is_not_allowed_any_more() -> None:
    first, second = Runner(None), Runner("b")
    running = asyncio.ensure_future(race(first, second, hedge=Hedge(0.001, wanted=lambda: False)).run())
    await asyncio.sleep(0.02)
    first.go.set()
    assert await running == "late" and second.beside is None


async def test_an_overtaken_attempt_stops_at_once() -> None:
    first = Runner(None)
    with pytest.raises(StepLost):
        await race(first, Runner(StepLost("gone")), hedge=NOW).run()
    assert first.cancelled


async def test_a_cancelled_race_cancels_all_that_run() -> None:
    first, second = Runner(None), Runner(None)
    running = asyncio.ensure_future(race(first, second, hedge=NOW).run())
    while second.beside is None:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert first.cancelled and second.cancelled


async def test_a_second_that_is_refused_is_asked_for_again_with_more_right() -> None:
    first, second = Runner(None), Runner("b")
    assert await race(first, second, hedge=Hedge(0.001, may=lambda urgent: urgent)).run() == "b"
    assert second.beside is True


async def test_the_time_alone_begins_when_the_first_is_asked() -> None:
    """Its hold is written before: a busy database is no slow model."""
    first, second = Runner(None), Runner("b")
    running = race(first, second, hedge=NOW)
    begin, first.asked = first.asked, lambda: None
    ended = asyncio.ensure_future(running.run())
    await asyncio.sleep(0.02)
    assert second.beside is None
    begin()
    assert await ended == "b"


def test_hedges_stay_below_their_share_of_the_calls() -> None:
    share, hedged = HedgeShare(0.05), 0
    for _ in range(1000):
        share.earn()
        hedged += share.take(urgent=True)
    assert 45 <= hedged <= 50 + KEPT
    assert not HedgeShare(0).take(urgent=True)


def test_calls_that_have_only_begun_to_be_slow_leave_some_for_those_that_hang() -> None:
    share = HedgeShare(1.0)
    for _ in range(20):
        share.earn()
    assert [share.take(urgent=False) for _ in range(20)].count(True) == 15
    assert [share.take(urgent=True) for _ in range(20)].count(True) == 5
