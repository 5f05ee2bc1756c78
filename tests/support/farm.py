"""A farm: the real web process, workers and beat that test modules start, kill and restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from redis import Redis

from deploy.embedded import programs
from deploy.embedded.home import free_port
from tests.support.processes import gone, launch
from tests.support.services import Services
from webapp.common.breakers import BREAKERS

T = TypeVar("T")
READY_S = 240.0  # five processes start at once, perhaps beside much else
OPEN = ("TASK_STATUS_QUEUED", "TASK_STATUS_RUNNING", "TASK_STATUS_PAUSED")


def eventually(check: Callable[[], T], within_s: float = 60.0, every_s: float = 0.05) -> T:
    """The first truthy answer; fails with the last one after the deadline."""
    deadline = time.monotonic() + within_s
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {found!r}"
        time.sleep(every_s)


@dataclass
class Farm:
    services: Services
    env: dict[str, str]
    folder: Path
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    more: dict[str, list[str]] = field(default_factory=dict)  # further programs by name, such as Flower
    app: str = "workers.app"  # the workers' release: tests deploy another

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """What runs already goes on running."""
        self.forget_limits()
        for name in ("web", *programs.WORKERS, "beat", *self.more):
            if name not in self.processes or self.processes[name].poll() is not None:
                self.launch(name)
        eventually(self.ready, within_s=READY_S, every_s=0.2)

    def launch(self, name: str) -> None:
        commands = {
            "web": programs.web(self.port, 2),
            "beat": programs.beat(str(self.folder / "beat-schedule")),
            **{worker: programs.worker(*queues, app=self.app) for worker, queues in programs.WORKERS.items()},
            **self.more,
        }
        env = {**os.environ, **self.services.env, "DRAIN_S": "2", "HARTLEY_SWEEP_S": "1", **self.env}
        self.processes[name] = launch(commands[name], log=self.folder / f"{name}.log", env=env)

    def forget_limits(self) -> None:
        """What an earlier module's workers knew of its model server says nothing about this one's."""
        with Redis.from_url(self.services.env["REDIS_URL"]) as redis:
            redis.delete(BREAKERS, *redis.scan_iter("hartley:bucket:*"), *redis.scan_iter("hartley:tool-breakers:*"))

    def kill(self, name: str) -> None:
        """As the kernel would: no signal handler runs."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def deploy(self, app: str) -> None:
        """Stop all workers, start those of another release."""
        self.app = app
        for name in programs.WORKERS:
            self.processes[name].send_signal(signal.SIGTERM)
        for name in programs.WORKERS:
            self.processes[name].wait(60)
            self.launch(name)
        eventually(self.ready, within_s=READY_S, every_s=0.2)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            gone(process, 10)

    def ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/readiness", timeout=30) as answer:
                return bool(answer.status == 200)
        except (URLError, TimeoutError):  # the second when it takes the connection and then says nothing
            return False

    # --- what a client does ---

    def call(self, key: str, path: str, body: Any = None, method: str | None = None) -> tuple[int, Any]:
        """Status and parsed body, whatever the status."""
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, data=data, method=method, headers={"X-API-Key": key})
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def submit(self, key: str, query: str, **fields: Any) -> str:
        status, body = self.call(key, "/api/v1/tasks", {"query": query, **fields})
        assert status == 200, body
        return str(body["task_id"])

    def finished(self, key: str, task: str, within_s: float = 60) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            _, body = self.call(key, f"/api/v1/tasks/{task}")
            return body if body["status"] not in OPEN else None

        return eventually(ended, within_s)

    def events(self, key: str, task: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            _, body = self.call(key, f"/api/v1/tasks/{task}/events?limit=200&offset={len(found)}")
            found += body["events"]
            if not body["events"]:
                return found

    def steps(self, key: str, task: str) -> list[dict[str, Any]]:
        return list(self.call(key, f"/api/v1/tasks/{task}/steps")[1]["steps"])
