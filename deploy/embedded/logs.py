"""The logs of all processes in the foreground: one line each, with its name in front, coloured on a terminal."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import IO

COLOURS = (36, 33, 35, 32, 34, 96, 93, 95, 92)


class Follower:
    """Follows the log files from where they end now; a rotated file is read on from its start."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._paths = {name: folder / f"{name}.log" for name in names}
        self._sizes = {name: _size(path) for name, path in self._paths.items()}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2)

    def _follow(self) -> None:
        while True:
            last = self._stop.wait(0.2)
            for position, (name, path) in enumerate(self._paths.items()):
                self._show(name, path, COLOURS[position % len(COLOURS)])
            if last:
                return

    def _show(self, name: str, path: Path, colour: int) -> None:
        size = _size(path)
        if size < self._sizes[name]:
            self._sizes[name] = 0
        if size == self._sizes[name]:
            return
        with open(path, "rb") as file:
            file.seek(self._sizes[name])
            lines, complete, _ = file.read(size - self._sizes[name]).rpartition(b"\n")
        self._sizes[name] += len(lines) + len(complete)
        prefix = f"{name:<15}"
        for line in lines.decode("utf-8", "replace").splitlines():
            print(f"\x1b[{colour}m{prefix}\x1b[0m {line}" if self._colour else f"{prefix} {line}", flush=True)


def tail(path: Path, lines: int) -> str:
    try:
        file: IO[str] = open(path, errors="replace")
    except OSError:
        return ""
    with file:
        return "".join(file.readlines()[-lines:]).rstrip()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
