"""Ends what outlived its supervisor, so that nothing is left behind."""

from __future__ import annotations

import time
from collections.abc import Sequence

import psutil

PATIENCE_S = 6.0
LOOK_EVERY_S = 0.1


def end_all(processes: Sequence[psutil.Process]) -> None:
    """Wait for processes that are already ending, as the kernel told them to, and kill those that don't."""
    deadline = time.monotonic() + PATIENCE_S
    while alive := [process for process in processes if is_alive(process)]:
        if time.monotonic() > deadline:
            for process in alive:
                _kill(process)
        time.sleep(LOOK_EVERY_S)


def is_alive(process: psutil.Process) -> bool:
    """Not ended, nor a zombie that its new parent has yet to reap, nor another one with its number."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        pass  # it ended just now
