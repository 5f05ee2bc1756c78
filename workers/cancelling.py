"""A cancellation that somebody else's code has swallowed still ends the call that was to end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def obeyed() -> Iterator[None]:
    """
    Around a call of the Redis client in the task of whoever asks: that may have a deadline, or be told to stop.

    The client sends by asyncio.wait_for, which before Python 3.12 forgets a cancellation that comes just as the message
    has gone. A deadline fires once, so nothing would ever end the wait after it.

    Raises:
        CancelledError: the task was cancelled inside, whatever came of the call.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
