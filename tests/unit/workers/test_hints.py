"""A hint goes from its message straight to the runner; any other message of the task is Celery's, with a real consumer."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging, worker_init, worker_shutdown
from django.utils import timezone

from tests.support.farm import eventually
from webapp.orchestration.steps import StepRef
from workers import hints, process

ITEMS = [["01a2042a-61f9-7117-a247-cf01a0303565", 1]]


class Heard:
    """What came to the runner, and what Celery made a call of."""

    def __init__(self, app: Celery) -> None:
        self.offered: list[Any] = []
        self.called: list[Any] = []
        self.followed = threading.Event()

        @app.task(name="hint.steps", shared=False, Strategy=f"{hints.__name__}:take_hints")
        def steps(*, items: Any, **_newer: Any) -> None:
            self.called.append(items)

        @app.task(name="hint.after", shared=False)
        def after(*_of_the_first: Any) -> None:
            self.followed.set()

        self.steps, self.after = steps, after

    def offer(self, refs: Iterable[StepRef]) -> None:
        self.offered += [[str(task), n] for task, n in refs]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    app = Celery("hints", broker="memory://", backend="cache+memory://", set_as_current=False)
    heard = Heard(app)
    monkeypatch.setattr(process.this, "runner", heard)
    for signal in (worker_init, worker_shutdown, setup_logging):  # what a worker process does besides
        monkeypatch.setattr(signal, "receivers", [])
    setup_logging.connect(lambda **_signal: None, weak=False)  # with none, Celery would set up its own
    with consumed(app):
        yield heard


@contextmanager
def consumed(app: Celery) -> Iterator[None]:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


def test_a_hint_is_offered_and_no_call_is_made_of_it(heard: Heard) -> None:
    heard.steps.apply_async(kwargs={"items": ITEMS})
    assert eventually(lambda: heard.offered, 10) == ITEMS
    assert heard.called == []


def test_what_a_newer_release_says_besides_is_not_lost(heard: Heard) -> None:
    heard.steps.apply_async(kwargs={"items": ITEMS, "hurry": True})
    assert eventually(lambda: heard.called, 10) == [ITEMS]
    assert heard.offered == []


def test_what_follows_in_a_canvas_follows(heard: Heard) -> None:
    (heard.steps.si(items=ITEMS) | heard.after.si()).apply_async()
    assert heard.followed.wait(10)
    assert (heard.called, heard.offered) == ([ITEMS], [])


def test_one_that_is_not_yet_due_waits_and_one_that_has_expired_is_dropped(heard: Heard) -> None:
    heard.steps.apply_async(kwargs={"items": [1]}, expires=timezone.now() - timedelta(hours=1))
    heard.steps.apply_async(kwargs={"items": [2]}, countdown=0.1)
    heard.steps.apply_async(kwargs={"items": ITEMS})
    assert eventually(lambda: heard.called, 10) == [[2]]
    assert heard.offered == ITEMS


@pytest.mark.parametrize("items", ["broken", 5, [5], [["no id", 1]], [[5, 1]], [[{}, 1]], [[None, 1]], {"a": 1}])
def test_after_one_that_is_none_the_next_is_heard(heard: Heard, items: Any) -> None:
    heard.steps.apply_async(kwargs={"items": items})
    heard.steps.apply_async(kwargs={"items": ITEMS})
    assert eventually(lambda: heard.offered, 10) == ITEMS
