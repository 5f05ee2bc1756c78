"""The processes of Hartley: one list, for the supervisor here and for containers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from deploy.embedded.supervise import Program

POSTGRES, VALKEY, BEAT, APP = 10, 20, 30, 40  # priorities: the last starts last and stops first
BROWSER_S = 10.0  # to close its windows and Chromium
SETTLED_S = 5  # Python that can't work says so within this time
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
        "--ws-per-message-deflate", "false",  # for each socket 40 kB and half as much time again
        "--http", "webapp.config.wire:Http", "--ws", "webapp.config.wire:WebSocket",
    ]  # fmt: skip


def worker(queues: str, slot: str, app: str = "workers.app") -> list[str]:
    return [
        "-m", "celery", "-A", app, "worker", "-P", "solo", "-Q", queues, "-n", f"{slot}@%h",
        "--without-gossip", "--without-mingle", "-l", "INFO",
    ]  # fmt: skip


def beat(schedule: str) -> list[str]:
    return ["-m", "celery", "-A", "workers.app", "beat", "-s", schedule, "-l", "WARNING"]


def flower(port: int, host: str = "127.0.0.1") -> list[str]:
    """Reached through the web process only, under /flower/ and its sign-in."""
    return [
        "-m", "celery", "-A", "workers.app", "flower", f"--address={host}", f"--port={port}", "--url_prefix=flower",
        "--enable_events=False",  # of hints; workers tell of their steps by themselves
    ]  # fmt: skip


def browser(port: int, host: str = "127.0.0.1") -> list[str]:
    """It drops all of its environment that it does not need."""
    return ["-m", "workers.browser", "--host", host, "--port", str(port)]


def services(*, postgres: Sequence[str] | None, valkey: Sequence[str] | None) -> list[Program]:
    """Those of the two that we run ourselves."""
    found = []
    if postgres:  # SIGINT is its fast shutdown: open connections are closed, what was committed is kept
        found.append(Program("postgres", postgres, POSTGRES, 5, stop_signal="INT"))
    if valkey:
        found.append(Program("valkey", valkey, VALKEY, 1))
    return found


def application(
    *, port: int, flower_port: int, schedule: str, drain_s: float, browser_port: int | None = None
) -> list[Program]:
    """
    What runs besides the two services; all of it is Python of this environment.

    Args:
        browser_port: of the browser's process; None: there is none.
    """

    def program(name: str, arguments: Sequence[str], stop_s: float) -> Program:
        return Program(name, [sys.executable, *arguments], APP, stop_s, "app", settled_s=SETTLED_S)

    return [
        program("web", web(port, drain_s), drain_s),
        *(program(name, worker(*queues), drain_s) for name, queues in WORKERS.items()),
        program("flower", flower(flower_port), 1),
        *([program("browser", browser(browser_port), BROWSER_S)] if browser_port else []),
        Program("beat", [sys.executable, *beat(schedule)], BEAT, 1, settled_s=SETTLED_S),
    ]
