"""`make run` as a test sees it: a launcher with a data folder of its own, started, watched, killed and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from deploy.embedded.home import free_port
from tests.support.farm import eventually
from tests.support.services import ROOT, die_with_parent

SERVICES = {"postgres", "valkey"}
APPLICATION = {"web", "worker-llm", "worker-tools", "worker-control", "beat", "flower"}
EVERYTHING = {"launcher", "supervisord"} | SERVICES | APPLICATION


def is_alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet has ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@dataclass
class Launched:
    home: Path
    sandbox_image: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    _read_from: int = 0

    def environment(self, **more: str) -> dict[str, str]:
        """Little of ours: what the test run has in its environment is no business of `make run`."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        own = {"HARTLEY_HOME": str(self.home), "PORT": str(self.port), "HARTLEY_SANDBOX_IMAGE": str(self.sandbox_image)}
        return {**kept, **own, "PYTHONPATH": str(ROOT), **more}

    def start(self, **more: str) -> None:
        with open(f"{self.home}.out", "ab") as output:
            self._read_from = output.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.embedded"],
                cwd=ROOT,
                env=self.environment(**more),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent,
            )

    def run(self, within_s: float = 60, **more: str) -> subprocess.CompletedProcess[str]:
        """For starts that end by themselves."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.embedded"],
            cwd=ROOT,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )

    @property
    def output(self) -> str:
        """What the latest start has printed."""
        return Path(f"{self.home}.out").read_bytes()[self._read_from :].decode()

    def pids(self) -> dict[str, dict[str, Any]]:
        try:
            found: dict[str, dict[str, Any]] = json.loads((self.home / "pids.json").read_text())
            return found
        except FileNotFoundError:
            return {}

    def all_pids(self) -> set[int]:
        return {pid for entry in self.pids().values() for pid in (entry["pid"], *entry["children"])}

    def credentials(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.home / "credentials.json").read_text())
        return found

    def up(self) -> bool:
        """Whether the welcome has been printed."""
        assert self.process and self.process.poll() is None, self.output[-3000:]
        return "\nHartley is up.\n" in self.output and set(self.pids()) >= EVERYTHING

    def wait_up(self, within_s: float = 120) -> None:
        eventually(self.up, within_s, 0.1)

    def stop(self, number: int = signal.SIGINT, within_s: float = 60) -> int:
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(within_s)
