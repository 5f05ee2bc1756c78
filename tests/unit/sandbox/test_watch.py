"""The watch interrupts once, reports what is blocked, is silent when the work was in time, and goes on to the next."""

from __future__ import annotations

import threading

from sandbox.watch import Watch, Watched


def test_work_in_time_is_left_alone() -> None:
    calls: list[str] = []
    watch = Watch()
    for _ in range(3):
        work = Watched(60, interrupt=lambda: calls.append("interrupt"), blocked=lambda: calls.append("blocked"))
        with watch.over(work):
            pass
        assert not work.late
    assert calls == []


def test_work_that_ends_by_the_interrupt_is_not_reported_as_blocked() -> None:
    interrupted, blocked = threading.Event(), threading.Event()
    work = Watched(0.01, interrupt=interrupted.set, blocked=blocked.set)
    with Watch().over(work):
        assert interrupted.wait(60)
    assert work.late and not blocked.is_set()


def test_work_that_the_interrupt_does_not_reach_is_reported() -> None:
    blocked = threading.Event()
    with Watch().over(Watched(0.01, interrupt=lambda: None, blocked=blocked.set)):
        assert blocked.wait(60)


def test_work_is_looked_at_while_it_runs_and_may_be_ended_for_what_is_seen() -> None:
    interrupted, looks = threading.Event(), iter([False, True])
    work = Watched(60, interrupt=interrupted.set, blocked=lambda: None, look=lambda: next(looks))
    with Watch().over(work):
        assert interrupted.wait(60)
    assert not work.late
