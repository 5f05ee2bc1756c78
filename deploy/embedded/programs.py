"""The processes of Hartley: one list, for the supervisor here and for the containers of docker-compose.yml."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from deploy.embedded.supervise import Program

APP = 40
WORKERS = {
    "worker-llm": ("llm", "llm"),
    "worker-tools": ("tools", "tools"),
    "worker-control": ("control,policy", "control"),
}


def web(port: int, drain_s: float, host: str = "127.0.0.1") -> list[str]:
    return [
        "-m", "uvicorn", "webapp.config.asgi:application", "--host", host, "--port", str(port),
        "--no-access-log", "--lifespan", "off", "--timeout-graceful-shutdown", str(max(1, round(drain_s) - 1)),
        "--ws-ping-interval", "20", "--ws-ping-timeout", "40", "--ws-max-size", "512",
    ]  # fmt: skip


def worker(queues: str, slot: str) -> list[str]:
    return [
        "-m", "celery", "-A", "workers.app", "worker", "-P", "solo", "-Q", queues, "-n", f"{slot}@%h",
        "--without-gossip", "--without-mingle", "-l", "INFO",
    ]  # fmt: skip


def beat(schedule: str) -> list[str]:
    return ["-m", "celery", "-A", "workers.app", "beat", "-s", schedule, "-l", "WARNING"]


def flower(port: int, host: str = "127.0.0.1") -> list[str]:
    """Reached through the web process only, under /flower/ and its sign-in."""
    return [
        "-m", "celery", "-A", "workers.app", "flower", f"--address={host}", f"--port={port}", "--url_prefix=flower",
    ]  # fmt: skip


def application(*, port: int, flower_port: int, schedule: str, drain_s: float) -> list[Program]:
    """What runs besides the two services; all of it is Python of this environment."""

    def program(name: str, arguments: Sequence[str], stop_s: float, priority: int = APP, group: str = "app") -> Program:
        return Program(name, [sys.executable, *arguments], priority, stop_s, group)

    return [
        program("web", web(port, drain_s), drain_s),
        *(program(name, worker(*queues), drain_s) for name, queues in WORKERS.items()),
        program("flower", flower(flower_port), 2),
        program("beat", beat(schedule), 2, priority=30, group=""),
    ]
