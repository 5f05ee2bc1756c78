"""The process supervisor (PyPI `supervisor`): its configuration, and a client to start, watch and stop by."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy.embedded.home import CannotStart, Home

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """
    One process. Stopping goes from the highest `priority` to the lowest, programs of one group together.

    Args:
        drain_s: how long it may take to stop before it is killed with its children.
    """

    name: str
    command: Sequence[str]
    priority: int
    drain_s: float
    group: str = ""
    stop_signal: str = "TERM"
    autostart: bool = False

    def section(self, logs: Path, root: Path) -> str:
        command = " ".join(shlex.quote(word.replace("%", "%%")) for word in self.command)
        return f"""
[program:{self.name}]
command={command}
directory={root}
priority={self.priority}
autostart={str(self.autostart).lower()}
autorestart=true
startsecs=1
startretries=1000
stopsignal={self.stop_signal}
stopwaitsecs={max(1, round(self.drain_s))}
killasgroup=true
stdout_logfile={logs / self.name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
redirect_stderr=true
"""


def configure(home: Home, programs: Sequence[Program], password: str, root: Path) -> Path:
    """Write supervisord.conf, readable by us only."""
    socket = home.run / "supervisor.sock"
    text = f"""[unix_http_server]
file={socket}
chmod=0700
username=hartley
password={password}
[supervisord]
nodaemon=true
silent=true
logfile={home.path("logs")}/supervisord.log
pidfile={home.run}/supervisord.pid
childlogdir={home.path("logs")}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    text += "".join(program.section(home.path("logs"), root) for program in programs)
    for group in sorted({program.group for program in programs if program.group}):
        names = ",".join(program.name for program in programs if program.group == group)
        priority = max(program.priority for program in programs if program.group == group)
        text += f"\n[group:{group}]\nprograms={names}\npriority={priority}\n"
    path = home.run / "supervisord.conf"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return path


class Supervisor:
    def __init__(self, home: Home, conf: Path, password: str, environment: Mapping[str, str]) -> None:
        self._home, self._password = home, password
        command = [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(conf)]
        self.process = subprocess.Popen(
            command,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=_die_with_parent,
            stdin=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.call("getState")
                return
            except (OSError, Fault):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise CannotStart(
                        f"The supervisor did not start; see {home.path('logs')}/supervisord.log"
                    ) from None
                time.sleep(0.05)

    def call(self, name: str, *args: Any) -> Any:
        socket = f"unix://{self._home.run / 'supervisor.sock'}"
        transport = SupervisorTransport("hartley", self._password, socket)
        with ServerProxy("http://127.0.0.1", transport) as proxy:
            return getattr(proxy.supervisor, name)(*args)

    def start(self, program: Program) -> None:
        self.call("startProcess", f"{program.group}:{program.name}" if program.group else program.name, False)

    def processes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("getAllProcessInfo")
        return found

    def stop(self, within_s: float) -> None:
        """Stop everything in order; what is left after the time is killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.process.kill()


def _die_with_parent() -> None:
    """If the launcher is killed, the supervisor gets SIGTERM and stops everything in order."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
