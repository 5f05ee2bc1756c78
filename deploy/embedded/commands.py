"""Commands that are run to their end while setting up, several at once, and ended when setting up is broken off."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from deploy.embedded.home import CannotStart
from deploy.embedded.preflight import ROOT
from deploy.embedded.system import die_with_parent

SHOWN_LINES = 15


class Commands:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._ended = False
        self._beside = ThreadPoolExecutor(4)

    def python(self, *arguments: str) -> str:
        """
        Run this Python with the arguments; returns what it printed.

        Raises:
            CannotStart: it failed; the message has its last words, then the lines before them.
        """
        process = self._start([sys.executable, *arguments])
        try:
            output, errors = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            said = (errors or output).strip().splitlines() or [f"exit status {process.returncode}"]
            name = " ".join(arguments[:2]).removeprefix("-m ")
            raise CannotStart("\n".join([f"{name} failed: {said[-1]}", *said[-SHOWN_LINES:-1]]))
        return output

    def beside(self, *arguments: str) -> Future[str]:
        """The same at the side."""
        return self._beside.submit(self.python, *arguments)

    def end(self) -> None:
        """Whatever still runs is ended, and nothing more is begun."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()
        self._beside.shutdown(cancel_futures=True)

    def _start(self, command: Sequence[str]) -> subprocess.Popen[str]:
        with self._lock:
            if self._ended:
                raise CannotStart("Setting up was broken off.")
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # the thread that starts it lives as long as we do
            )
            self._running.add(process)
            return process
