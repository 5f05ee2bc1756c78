"""The deadline interrupts once, reports what is blocked, and is silent when the work was in time."""

from __future__ import annotations

import threading

from sandbox.deadline import Deadline


def test_work_in_time_is_left_alone() -> None:
    calls: list[str] = []
    with Deadline(wall_s=60, interrupt=lambda: calls.append("interrupt"), blocked=lambda: None) as deadline:
        pass
    assert not deadline.is_alive() and not deadline.passed and calls == []


def test_work_that_ends_by_the_interrupt_is_not_reported_as_blocked() -> None:
    interrupted, blocked = threading.Event(), threading.Event()
    with Deadline(wall_s=0.01, interrupt=interrupted.set, blocked=blocked.set) as deadline:
        assert interrupted.wait(10)
    assert deadline.passed and not blocked.is_set()


def test_work_that_the_interrupt_does_not_reach_is_reported() -> None:
    blocked = threading.Event()
    with Deadline(wall_s=0.01, interrupt=lambda: None, blocked=blocked.set):
        assert blocked.wait(10)
