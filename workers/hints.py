"""What comes in on each queue: hints (`llm.steps` and the like), straight from the message to the runner, and probes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery, Task
from celery.exceptions import InvalidTaskError
from celery.worker import strategy
from celery.worker.consumer import Consumer
from kombu.message import Message

from webapp.orchestration import dispatch
from workers.app import QUEUES, app
from workers.process import offer

Take = Callable[[Message, Any, Callable[..., Any], Callable[..., Any], Any], None]
TIMED = ("eta", "expires")


def take_hints(task: Task, app: Celery, consumer: Consumer) -> Take:
    """
    Celery's `Strategy` of a task: what is done with each message of it, in place of a request, a trace and a call in the
    pool, which cost a worker more than the step does. A message that says more than a plain hint takes the usual way.
    """
    usual: Take = strategy.default(task, app, consumer)

    def take(message: Message, body: Any, ack: Callable[..., Any], reject: Callable[..., Any], callbacks: Any) -> None:
        items = plain_hint(message)
        if items is None:
            usual(message, body, ack, reject, callbacks)
            return
        try:
            offer(items)
        except Exception as error:  # of whatever is no hint: in Celery's loop it would end the worker
            raise InvalidTaskError(f"Not a hint: {error}") from error
        ack(strategy.logger, consumer.connection_errors)

    return take


def plain_hint(message: Message) -> Any:
    """Its items; None when it says anything else: a time of its own, what follows it, arguments of a newer release."""
    timed = any(message.headers.get(name) for name in TIMED)
    match message.payload:
        case [[], {"items": items, **more}, dict() as follows] if not (more or timed or any(follows.values())):
            return items
    return None


def _listen(queue: str) -> None:
    @app.task(name=f"{queue}.steps", Strategy=f"{__name__}:{take_hints.__name__}")
    def steps(*, items: list[tuple[str, int]], **_newer: Any) -> None:
        offer(items)

    @app.task(name=f"{queue}.probe")
    def probe(*, nonce: str, **_newer: Any) -> None:
        """Readiness asks whether this queue is consumed."""
        dispatch.answer_probe(queue=queue, nonce=nonce)


for queue in QUEUES:
    _listen(queue)
