"""The process supervisor: its configuration, and a client to add processes, watch them and stop them by."""

from __future__ import annotations

import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy.embedded.home import CannotStart, Home, write_private
from deploy.embedded.system import die_with_parent

OPEN_FILES = 16_384  # a worker holds thousands of connections; many systems start with a limit of 1024
QUICK_RETRIES = 3  # after one, two and three seconds; then the launcher goes on with longer pauses


@dataclass(frozen=True)
class Program:
    """
    One process. Stopping goes from the highest `priority` to the lowest, programs of one group together.

    Args:
        drain_s: how long it may take to stop before it is killed with its children.
        settled_s: one that ends sooner is started again after a pause, a later one at once.
    """

    name: str
    command: Sequence[str]
    priority: int
    drain_s: float
    group: str = ""
    stop_signal: str = "TERM"
    settled_s: int = 1

    def section(self, logs: Path, root: Path) -> str:
        return f"""
[program:{self.name}]
command={_plain(shlex.join(self.command))}
directory={_plain(root)}
priority={self.priority}
autorestart=true
startsecs={self.settled_s}
startretries={QUICK_RETRIES}
stopsignal={self.stop_signal}
stopwaitsecs={max(1, round(self.drain_s))}
killasgroup=true
stdout_logfile={_plain(logs / self.name)}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
redirect_stderr=true
"""


def _plain(text: object) -> str:
    """Percent signs mean nothing special."""
    return str(text).replace("%", "%%")


def groups_of(programs: Sequence[Program]) -> list[str]:
    """Supervisor's names for what it stops together: the group, or the program that has none."""
    return list(dict.fromkeys(program.group or program.name for program in programs))


def configure(home: Home, programs: Sequence[Program], password: str, root: Path) -> Path:
    """Write supervisord.conf, readable by us only."""
    files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    text = f"""[unix_http_server]
file={_plain(home.run)}/supervisor.sock
chmod=0700
username=hartley
password={password}
[supervisord]
nodaemon=true
silent=true
minfds={files}
logfile={_plain(home.path("logs"))}/supervisord.log
pidfile={_plain(home.run)}/supervisord.pid
childlogdir={_plain(home.path("logs"))}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
    text += "".join(program.section(home.path("logs"), root) for program in programs)
    for group in sorted({program.group for program in programs if program.group}):
        members = [program for program in programs if program.group == group]
        names, priority = ",".join(p.name for p in members), max(p.priority for p in members)
        text += f"\n[group:{group}]\nprograms={names}\npriority={priority}\n"
    path = home.run / "supervisord.conf"
    write_private(path, text)
    return path


class Supervisor:
    """
    Args:
        lock: the open lock file, which the supervisor inherits, so that it is held until everything has stopped.
    """

    def __init__(
        self, *, home: Home, conf: Path, password: str, environment: Mapping[str, str], lock: IO[str] | int
    ) -> None:
        self._home, self._password = home, password
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "deploy.embedded.supervisord", str(conf), str(home.root)],
            env=dict(environment),
            start_new_session=True,  # a Ctrl-C in the terminal reaches the launcher only
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # which stops everything in order
            stdin=lock,  # as standard input, since supervisord closes what else it inherits
        )

    def wait_up(self, within_s: float) -> None:
        """
        Raises:
            CannotStart: it does not answer in time.
        """
        deadline = time.monotonic() + within_s
        while True:
            try:
                self.call("getState")
                return
            except (OSError, Fault):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    log = self._home.path("logs") / "supervisord.log"
                    raise CannotStart(f"The process supervisor did not start; see {log}.") from None
                time.sleep(0.05)

    def call(self, name: str, *args: Any) -> Any:
        socket = f"unix://{self._home.run / 'supervisor.sock'}"
        transport = SupervisorTransport("hartley", self._password, socket)
        with ServerProxy("http://127.0.0.1", transport) as proxy:
            return getattr(proxy.supervisor, name)(*args)

    def add(self, programs: Sequence[Program]) -> None:
        """Start what was added to the configuration."""
        self.call("reloadConfig")
        for group in groups_of(programs):
            self.call("addProcessGroup", group)

    def processes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("getAllProcessInfo")
        return found

    def start(self, process: Mapping[str, Any]) -> None:
        self.call("startProcess", f"{process['group']}:{process['name']}", False)

    def stop(self, within_s: float) -> None:
        """Stop everything in order. What is left after the time loses its supervisor, and ends by that."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
