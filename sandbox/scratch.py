"""Private folders for the child processes, and their removal, also after keepers that were killed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "keeper-"


class Scratch:
    """
    A folder below `root` that is locked as long as its keeper lives. A new one removes those of dead keepers.

    Raises:
        OSError: `root` cannot be made or written.
    """

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(root):  # so that nobody sweeps a folder that is not locked yet
            for folder in root.glob(f"{PREFIX}*"):
                _remove_if_dead(folder)
            self._folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=root))
            self._lock = _lock(self._folder)

    def new_folder(self) -> Path:
        """For one process, which reaches it as its working directory, not by the path."""
        return Path(tempfile.mkdtemp(dir=self._folder))

    def close(self) -> None:
        remove(self._folder)
        os.close(self._lock)


def remove(folder: Path) -> None:
    """By `rm`, since a tree made to be deep breaks `shutil.rmtree`. Follows no links."""
    subprocess.run(["rm", "-rf", "--", str(folder)], check=False, stderr=subprocess.DEVNULL)


def _remove_if_dead(folder: Path) -> None:
    with suppress(OSError):  # locked, so alive; or not a folder of ours
        lock = _lock(folder, fcntl.LOCK_NB)
        remove(folder)
        os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = _lock(folder)
    try:
        yield
    finally:
        os.close(lock)


def _lock(folder: Path, how: int = 0) -> int:
    """The lock lasts until the number it returns is closed, or the process ends."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | how)
    except OSError:
        os.close(number)
        raise
    return number
