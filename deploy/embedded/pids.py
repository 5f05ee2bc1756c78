"""Which process is which: pids.json names every process with its pid, its children too."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ProtocolError

import psutil

from deploy.embedded.home import write_json
from deploy.embedded.supervise import Supervisor

EVERY_S = 0.25


class PidFile:
    """Written whenever it changes; removed at the end."""

    def __init__(self, path: Path, supervisor: Supervisor) -> None:
        self._path, self._supervisor = path, supervisor
        self._last: dict[str, Any] = {}
        self._processes: list[psutil.Process] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="pids", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2)
        self._path.unlink(missing_ok=True)

    def processes(self) -> list[psutil.Process]:
        """All that were there at the last look, without the launcher."""
        return self._processes

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                self.write()
            except (OSError, Fault, ProtocolError):
                pass  # the supervisor is starting or stopping: the next round is near
            self._stop.wait(EVERY_S)

    def write(self) -> None:
        pids = {"supervisord": self._supervisor.process.pid}
        pids |= {process["name"]: process["pid"] for process in self._supervisor.processes() if process["pid"]}
        families = {name: _family(pid) for name, pid in pids.items()}
        families["supervisord"] = families["supervisord"][:1]  # its descendants stand under their own names
        self._processes = [process for family in families.values() for process in family]
        found: dict[str, Any] = {"launcher": {"pid": os.getpid(), "children": []}}
        for name, family in families.items():
            if family:
                found[name] = {"pid": family[0].pid, "children": [child.pid for child in family[1:]]}
        if found != self._last:
            self._last = found
            write_json(self._path, found)


def _family(pid: int) -> list[psutil.Process]:
    """The process and its descendants; empty when it has ended while we looked."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
