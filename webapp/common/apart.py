"""Asks a module that runs in a process of its own, which may hang or crash: what people write is tried there."""

from __future__ import annotations

import json
import subprocess
import sys

from django.conf import settings

from webapp.common.values import JSON


def ask_apart(module: str, asked: JSON, *, within_s: float) -> JSON:
    """
    JSON in by standard input, JSON out; the process has no environment.

    Raises:
        TimeoutError: it did not answer in time, and was ended.
        ValueError: it ended without an answer.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module], input=json.dumps(asked), capture_output=True, text=True, timeout=within_s,
            env={}, check=False, cwd=settings.BASE_DIR,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{module} did not answer within {within_s:g} s") from None
    answer: JSON = json.loads(done.stdout)
    return answer
