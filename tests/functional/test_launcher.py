"""`make run`, as a newcomer and an operator meet it: up, answered, restarted after a kill, down in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from deploy.embedded.home import free_port
from tests.support.farm import Farm, eventually
from tests.support.services import ROOT, Services, die_with_parent

NAMES = {
    "launcher",
    "supervisord",
    "postgres",
    "valkey",
    "web",
    "beat",
    "flower",
    "worker-llm",
    "worker-tools",
    "worker-control",
}


class Launched:
    def __init__(self, home: Path, image: Path, **env: str) -> None:
        self.home, self.port, self.log = home, free_port(), home.with_suffix(".log")
        environment = {**os.environ, "HARTLEY_HOME": str(home), "HARTLEY_SANDBOX_IMAGE": str(image)}
        for name in (
            "HARTLEY_DB_APP_URL",
            "HARTLEY_DB_SYSTEM_URL",
            "HARTLEY_DB_OWNER_URL",
            "REDIS_URL",
            "DATABASE_URL",
        ):
            environment.pop(name, None)
        environment |= {"PORT": str(self.port), "DRAIN_S": "4", **env}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.embedded"],
            cwd=ROOT,
            env=environment,
            stdout=open(self.log, "wb"),
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def pids(self) -> dict[str, Any]:
        path = self.home / "pids.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def up(self) -> dict[str, Any]:
        eventually(lambda: "Hartley is up" in self.said() or self.process.poll() is not None, within_s=120)
        assert self.process.poll() is None, self.said()
        found: dict[str, Any] = json.loads((self.home / "credentials.json").read_text())
        return found


@pytest.fixture
def launched(sandbox_image: Path, tmp_path: Path) -> Iterator[Launched]:
    running = Launched(tmp_path / "home", sandbox_image)
    yield running
    if running.process.poll() is None:
        running.process.send_signal(signal.SIGINT)
        running.process.wait(30)


def test_it_comes_up_answers_heals_and_goes_down_without_a_trace(launched: Launched, services: Services) -> None:
    credentials = launched.up()
    assert "completed in" in launched.said(), "the first start shows the example"
    assert stat.S_IMODE((launched.home / "credentials.json").stat().st_mode) == 0o600
    assert {"url", "api_key", "email", "password", "flower_url", "redis_url", "database_url"} <= set(credentials)
    assert eventually(lambda: launched.pids().keys() >= NAMES)

    before = launched.pids()["worker-llm"]["pid"]
    os.kill(before, signal.SIGKILL)
    eventually(lambda: launched.pids().get("worker-llm", {}).get("pid", before) != before)
    farm = Farm(services, {}, launched.home, port=launched.port)
    eventually(farm.ready, within_s=60, every_s=0.3)
    task = farm.submit(credentials["api_key"], "What is 20 + 22?")
    assert "42" in farm.finished(credentials["api_key"], task)["result"]

    everything = [pid for entry in launched.pids().values() for pid in (entry["pid"], *entry["children"])]
    launched.process.send_signal(signal.SIGINT)
    assert launched.process.wait(30) == 0, launched.said()
    assert [pid for pid in everything if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"] == []
    assert not (launched.home / "pids.json").exists()


def test_everything_stops_in_order_when_the_launcher_is_killed(launched: Launched) -> None:
    launched.up()
    everything = eventually(lambda: launched.pids() if launched.pids().keys() >= NAMES else None)
    launched.process.kill()
    launched.process.wait()
    pids = [entry["pid"] for name, entry in everything.items() if name != "launcher"]
    eventually(lambda: not [pid for pid in pids if psutil.pid_exists(pid)], within_s=30)


def test_a_taken_port_is_one_sentence_and_leaves_nothing(sandbox_image: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = Launched(tmp_path / "home", sandbox_image, PORT=str(port))
        assert refused.process.wait(60) == 1
    assert refused.said().startswith(f"hartley: Port {port} is taken") and refused.said().count("\n") == 1
    assert not refused.home.exists()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(sandbox_image: Path, tmp_path: Path) -> None:
    refused = Launched(tmp_path / "home", sandbox_image, HARTLEY_FREE_BYTES=str(10**18))
    assert refused.process.wait(60) == 1
    assert "MB free" in refused.said() and refused.said().count("\n") == 1
    assert not refused.home.exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(sandbox_image: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    refused = Launched(tmp_path / "home", sandbox_image, HARTLEY_HOME=str(tmp_path / "file" / "home"))
    assert refused.process.wait(60) == 1
    assert "Can't write to" in refused.said() and refused.said().count("\n") == 1


def test_a_second_start_on_the_same_folder_is_refused(launched: Launched, sandbox_image: Path) -> None:
    launched.up()
    second = Launched(launched.home, sandbox_image)
    assert second.process.wait(60) == 1
    assert "already running" in second.said()
