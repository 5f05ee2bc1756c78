"""The logs of all processes in the foreground: one line each, with its name in front, coloured on a terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92)
EVERY_S = 0.2
TAIL_BYTES = 64 * 1024


class Tail:
    """One log file, from where it ends now. A rotated one is read to its end, then the new one from its start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self._file = self._open()
        if self._file:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> Iterator[str]:
        """The complete lines that came since the last call."""
        yield from self._read()
        if self._rotated():
            self.close()
            self._file = self._open()
            yield from self._read()

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _open(self) -> BinaryIO | None:
        try:
            return open(self._path, "rb")
        except OSError:
            return None  # not written yet, or just being rotated

    def _read(self) -> Iterator[str]:
        if self._file:
            *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")

    def _rotated(self) -> bool:
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        if not self._file:
            return True
        return found.st_ino != os.fstat(self._file.fileno()).st_ino or found.st_size < self._file.tell()


class Follower:
    def __init__(self, folder: Path, names: Iterable[str], show: Callable[[str], None] | None = None) -> None:
        tint = wants_colour(sys.stdout)
        self._tails = {
            prefix(name, COLOURS[place % len(COLOURS)] if tint else None): Tail(folder / f"{name}.log")
            for place, name in enumerate(names)
        }
        self._show = show or (lambda line: print(line, flush=True))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="logs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Show what is there, and end."""
        self._stop.set()
        self._thread.join(2)

    def _follow(self) -> None:
        last = False
        while not last:
            last = self._stop.wait(EVERY_S)
            for start, tail_of in self._tails.items():
                for line in tail_of.lines():
                    self._show(start + line)
        for tail_of in self._tails.values():
            tail_of.close()


def wants_colour(stream: TextIO) -> bool:
    """See no-color.org: any value of NO_COLOR but the empty one says no."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def prefix(name: str, colour: int | None) -> str:
    return f"{name:<15} " if colour is None else f"\x1b[{colour}m{name:<15}\x1b[0m "


def tail(path: Path, lines: int) -> str:
    """The last lines of a log; empty when there is none."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return ""
