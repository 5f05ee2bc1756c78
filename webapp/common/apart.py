"""
Asks a module that runs in a process of its own, which may hang or crash: what people write is tried there.

Whoever asks waits in a thread that pages and routes need too, so only a few may ask at once.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from typing import ClassVar

from django.conf import settings

from webapp.common.errors import HartleyError
from webapp.common.values import JSON

AT_ONCE = 4  # of one process of ours, whoever they are
_places = threading.BoundedSemaphore(AT_ONCE)


class TooManyAtOnce(HartleyError):
    """Nothing was tried."""

    code = "busy"
    status = 429
    retryable: ClassVar[bool] = True
    retry_after_s = 5

    def __init__(self) -> None:
        super().__init__(f"As much as may be is being checked at once; try again in {self.retry_after_s} s")


def ask_apart(module: str, asked: JSON, *, within_s: float, wait_s: float = 0.0) -> JSON:
    """
    JSON in by standard input, JSON out; the process has no environment.

    Args:
        wait_s: for one of AT_ONCE places.
    Raises:
        TooManyAtOnce
        TimeoutError: it did not answer in time, and was ended.
        ValueError: it ended without an answer.
    """
    if not _places.acquire(timeout=wait_s):
        raise TooManyAtOnce
    try:
        return _asked(module, asked, within_s)
    finally:
        _places.release()


def _asked(module: str, asked: JSON, within_s: float) -> JSON:
    try:
        done = subprocess.run(
            [sys.executable, "-m", module], input=json.dumps(asked), capture_output=True, text=True, timeout=within_s,
            env={}, check=False, cwd=settings.BASE_DIR,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{module} did not answer within {within_s:g} s") from None
    answer: JSON = json.loads(done.stdout)
    return answer
