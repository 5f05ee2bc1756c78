"""The processes that faults befall: the workers and beat, Postgres and Valkey. Start from one thread only."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded import postgres, programs, valkey
from deploy.embedded.home import CannotStart
from tests.support.processes import gone, launch
from tests.support.services import Services

APP = "benchmarks.chaos.worker"
GENERAL = ("general-1", "general-2", "general-3")
WORKERS = {"llm": "llm", "tools": "tools", "control": "control,policy", **dict.fromkeys(GENERAL, "control,policy")}
STARTED_S = 180.0


@dataclass
class Crew:
    """
    Attributes:
        own_env: what single processes are told besides.
    """

    services: Services
    folder: Path
    env: Mapping[str, str]
    own_env: Mapping[str, Mapping[str, str]]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        for name in (*WORKERS, "beat"):
            self.launch(name)
        deadline = time.monotonic() + STARTED_S
        while not all("runner.started" in self.log(name).read_text() for name in WORKERS):
            if time.monotonic() > deadline or any(p.poll() is not None for p in self.processes.values()):
                raise CannotStart(f"The workers don't start; their logs are in {self.folder}")
            time.sleep(0.2)

    def launch(self, name: str) -> None:
        environment = {**os.environ, **self.services.env, **self.env, **self.own_env.get(name, {})}
        self.processes[name] = launch(self._command(name), log=self.log(name), env=environment)

    def _command(self, name: str) -> list[str]:
        if name == "beat":
            command = programs.beat(str(self.folder / "beat-schedule"))
        else:
            command = programs.worker(WORKERS[name], name)
        return [APP if word == "workers.app" else word for word in command]

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def send(self, name: str, number: signal.Signals) -> None:
        self.processes[name].send_signal(number)

    def gone(self, name: str, within_s: float) -> None:
        """Wait for its end; whoever doesn't end in time is killed."""
        gone(self.processes[name], within_s)

    def stop(self) -> None:
        for name, process in self.processes.items():
            process.send_signal(signal.SIGCONT)
            self.send(name, signal.SIGTERM)
        for name in self.processes:
            self.gone(name, 10)

    # --- the two services ---

    def end_service(self, name: str, number: signal.Signals) -> None:
        process = self._service(name)
        process.send_signal(number)
        process.wait()
        self.services.processes.remove(process)

    def launch_postgres(self) -> None:
        """A killed postmaster's children may live a moment longer and keep a new one from starting."""
        for _ in range(100):
            self.services.launch("postgres", postgres.command(self.services.home))
            process = self._service("postgres")
            try:
                process.wait(0.3)
            except subprocess.TimeoutExpired:
                postgres.wait(self.services.env["HARTLEY_TEST_ADMIN_URL"], 30)
                return
            self.services.processes.remove(process)
        raise CannotStart("Postgres does not come back.")

    def launch_valkey(self) -> None:
        home = self.services.home
        self.services.launch("valkey", [str(valkey.binary()), str(home.run / "valkey.conf")])
        valkey.wait(self.services.env["REDIS_URL"], 15)

    def _service(self, name: str) -> subprocess.Popen[bytes]:
        """By its command line: Postgres may be started through a change of user."""
        return next(p for p in self.services.processes if any(str(word).endswith(f"/{NAMES[name]}") for word in p.args))  # type: ignore[union-attr]


NAMES = {"postgres": "bin/postgres", "valkey": "valkey-server"}
