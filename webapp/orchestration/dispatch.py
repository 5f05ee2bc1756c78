"""Tells workers and readers that there is something to do or to see. All of it may be lost without harm.

The one place that sends Celery messages and publishes wake-ups. Sends by task name: webapp never imports workers.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from uuid import UUID

import structlog
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from webapp.common.wakeups import ENDED, WAKE
from webapp.orchestration.steps import ReadyStep, StepRef

log = structlog.get_logger()

STEPS_PER_MESSAGE = 50
UNSHOWN = {"argsrepr": "", "kwargsrepr": ""}  # how monitors would print it, which takes a fifth of the sending


@cache
def broker() -> Celery:
    """A producer only; the worker side has its own app with the same broker."""
    return Celery("hartley", broker=settings.REDIS_URL, broker_connection_retry_on_startup=True)


@cache
def redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL, max_connections=settings.REDIS_CONNECTIONS, socket_timeout=5)


def send_hints(ready: Iterable[ReadyStep]) -> None:
    """One message per queue and 50 steps. A broker that is away costs time, not work: the sweep hints again."""
    by_queue: dict[str, list[StepRef]] = defaultdict(list)
    for step in ready:
        by_queue[step.queue].append(step.ref)
    for queue, refs in by_queue.items():
        for start in range(0, len(refs), STEPS_PER_MESSAGE):
            items = [[str(ref.task), ref.n] for ref in refs[start : start + STEPS_PER_MESSAGE]]
            try:
                broker().send_task(
                    f"{queue}.steps", kwargs={"items": items}, queue=queue, retry=False, ignore_result=True, **UNSHOWN
                )
            except OperationalError as error:
                log.warning("hint.lost", queue=queue, steps=len(items), error=type(error).__name__)


def send_webhooks() -> None:
    """There is something to deliver. Lost without harm: workers look for it every so often."""
    try:
        broker().send_task("control.webhooks", queue="control", retry=False, ignore_result=True)
    except OperationalError as error:
        log.warning("hint.lost", queue="control", steps=0, error=type(error).__name__)


def send_module_checks() -> None:
    """There is a module to check. Lost without harm: workers look for one every so often."""
    try:
        broker().send_task("tools.modules", queue="tools", retry=False, ignore_result=True)
    except OperationalError as error:
        log.warning("hint.lost", queue="tools", steps=0, error=type(error).__name__)


def send_source_checks() -> None:
    """There is a source to look at. Lost without harm: workers look for one every so often."""
    try:
        broker().send_task("tools.sources", queue="tools", retry=False, ignore_result=True)
    except OperationalError as error:
        log.warning("hint.lost", queue="tools", steps=0, error=type(error).__name__)


def wake_readers(tasks: Iterable[UUID]) -> None:
    publish(WAKE, [str(task) for task in tasks])


def tell_ended(tasks: Iterable[UUID]) -> None:
    """Readers wake up by it too."""
    publish(ENDED, [str(task) for task in tasks])


def publish(channel: str, body: object) -> None:
    if not body:
        return
    try:
        redis().publish(channel, json.dumps(body))
    except RedisError as error:
        log.warning("publish.lost", channel=channel, error=type(error).__name__)


QUEUES = ("control", "policy", "llm", "tools")
PROBE = "hartley:probe:"


def probe(*, timeout_s: float, nonce: str, clock: Callable[[], float]) -> set[str]:
    """
    The queues on which a worker took a message and answered within the time.

    Raises:
        RedisError: the broker is away.
    """
    try:
        for queue in QUEUES:
            broker().send_task(f"{queue}.probe", kwargs={"nonce": nonce}, queue=queue, retry=False, expires=timeout_s)
    except OperationalError as error:
        raise RedisError(str(error)) from error
    heard: set[str] = set()
    deadline = clock() + timeout_s
    while len(heard) < len(QUEUES) and (left := deadline - clock()) > 0.01:
        answer = redis().blpop([PROBE + nonce], timeout=min(left, 4.0))
        if answer:
            heard.add(bytes(answer[1]).decode())  # type: ignore[arg-type]
    return heard


def queue_lengths() -> dict[str, int]:
    """
    Messages that wait in the broker, by queue: of all tenants, so numbers only.

    Raises:
        RedisError: the broker is away.
    """
    with redis().pipeline() as pipe:
        for queue in QUEUES:
            pipe.llen(queue)
        return dict(zip(QUEUES, pipe.execute(), strict=True))


def answer_probe(*, queue: str, nonce: str) -> None:
    with redis().pipeline() as pipe:
        pipe.rpush(PROBE + nonce, queue)
        pipe.expire(PROBE + nonce, 30)
        pipe.execute()
