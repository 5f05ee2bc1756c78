"""Waits until Hartley answers that every queue has a worker, and says why when it doesn't."""

from __future__ import annotations

import json
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from deploy.embedded import logs
from deploy.embedded.home import CannotStart
from deploy.embedded.say import say
from deploy.embedded.supervise import Supervisor

WITHIN_S = 90.0
SPEAK_EVERY_S = 10.0
SHOWN_LINES = 15


def wait(url: str, supervisor: Supervisor, log_folder: Path) -> None:
    """
    Raises:
        CannotStart: a process keeps ending, or time is up; with the last lines of the logs.
    """
    say("waiting until every queue has a worker")
    began = spoke = time.monotonic()
    while (missing := missing_parts(url)) != "":
        now = time.monotonic()
        processes = supervisor.processes()
        given_up = [p["name"] for p in processes if p["statename"] == "FATAL"]
        if given_up:
            raise CannotStart(with_logs(f"{' and '.join(given_up)} can't be started", given_up, log_folder))
        if now - began > WITHIN_S:
            down = [p["name"] for p in processes if p["statename"] != "RUNNING"]
            raise CannotStart(with_logs(f"Not ready after {WITHIN_S:g} s ({missing})", down or ["web"], log_folder))
        if now - spoke > SPEAK_EVERY_S:
            say(f"still waiting: {missing}")
            spoke = now
        time.sleep(0.2)


def missing_parts(url: str) -> str:
    """What is not ready yet, in words; empty when everything is."""
    try:
        with urlopen(f"{url}/readiness", timeout=10):
            return ""
    except HTTPError as error:
        with error:
            return _failed_checks(error.read())
    except (OSError, HTTPException):
        return "the web process does not answer yet"


def _failed_checks(body: bytes) -> str:
    try:
        checks: dict[str, Any] = json.loads(body)["checks"]
    except (ValueError, KeyError, TypeError):
        return "the web process answers with an error"
    return ", ".join(f"{name}: {answer}" for name, answer in checks.items() if answer not in ("ok", "not ready"))


def with_logs(what: str, names: list[str], log_folder: Path) -> str:
    """A sentence, and below it why."""
    tails = (f"--- {name} ---\n{logs.tail(log_folder / f'{name}.log', SHOWN_LINES)}" for name in names)
    return f"{what}; the last lines of the logs in {log_folder}:\n" + "\n".join(tails)
