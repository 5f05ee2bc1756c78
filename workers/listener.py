"""Hears over Redis that tasks have ended, so that their streams and sandboxes stop at once.

Only speed: what is missed here is found at the next lease renewal.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from uuid import UUID

import structlog
from redis.exceptions import RedisError

from webapp.common.wakeups import ENDED
from webapp.orchestration import dispatch

log = structlog.get_logger()


class EndedListener:
    def __init__(self, cancel: Callable[[set[UUID]], None]) -> None:
        self._cancel = cancel
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ended", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with dispatch.redis().pubsub(ignore_subscribe_messages=True) as heard:
                    heard.subscribe(ENDED)
                    while not self._stop.is_set():
                        message = heard.get_message(timeout=1.0)
                        if message:
                            self._cancel({UUID(task) for task in json.loads(message["data"])})
            except RedisError as error:
                log.warning("listener.redis_away", error=type(error).__name__)
                self._stop.wait(1.0)
