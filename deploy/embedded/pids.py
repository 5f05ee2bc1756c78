"""Which process is which: pids.json names every process with its pid, its children too."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import psutil

from deploy.embedded.home import write_private
from deploy.embedded.supervise import Supervisor

EVERY_S = 0.5


class PidFile:
    """Written whenever it changes; removed at the end."""

    def __init__(self, path: Path, supervisor: Supervisor) -> None:
        self._path, self._supervisor = path, supervisor
        self._last: dict[str, Any] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2)
        self._path.unlink(missing_ok=True)

    def _watch(self) -> None:
        while True:
            try:
                self.write()
            except (OSError, Fault, psutil.Error):
                pass  # a process ended while we looked, or all are stopping: the next round is near
            if self._stop.wait(EVERY_S):
                return

    def write(self) -> None:
        found: dict[str, Any] = {
            "launcher": {"pid": os.getpid(), "children": []},
            "supervisord": {"pid": self._supervisor.process.pid, "children": []},
        }
        for process in self._supervisor.processes():
            if process["pid"]:
                children = [child.pid for child in psutil.Process(process["pid"]).children(recursive=True)]
                found[process["name"]] = {"pid": process["pid"], "children": children}
        if found != self._last:
            write_private(self._path, found)
            self._last = found
