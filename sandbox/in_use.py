"""Which images are in use: whoever runs one holds a lock on its files, in a folder that several releases may share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self


class InUse:
    """
    Holds these files until it is closed, or its process ends, whatever ends it.

    Raises:
        FileNotFoundError: one of them is not there, or was about to be removed; nothing is held.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._locks: list[int] = []
        try:
            for path in paths:
                self._locks.append(os.open(path, os.O_RDONLY))
                fcntl.flock(self._locks[-1], fcntl.LOCK_SH)
                os.stat(path)  # who removes a file has it locked meanwhile
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        while self._locks:
            os.close(self._locks.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def remove_unused(path: Path) -> None:
    """Leave it where somebody holds it, and where nobody can tell."""
    with suppress(OSError):
        lock = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(lock)
