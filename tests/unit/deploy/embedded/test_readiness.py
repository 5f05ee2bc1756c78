"""Waiting for readiness ends early and with a reason when a process can't be started."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from deploy.embedded import readiness
from deploy.embedded.home import CannotStart, free_port
from deploy.embedded.supervise import Supervisor


class Watched:
    """A supervisor with one process in the given state."""

    def __init__(self, state: str) -> None:
        self.state = state

    def processes(self) -> list[dict[str, Any]]:
        return [{"name": "worker-llm", "statename": self.state}]


def wait(state: str, logs: Path) -> None:
    (logs / "worker-llm.log").write_text("ImportError: no such thing\n")
    readiness.wait(f"http://127.0.0.1:{free_port()}", cast(Supervisor, Watched(state)), logs)


def test_a_process_that_was_given_up_on_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"^worker-llm can't be started.*\n--- worker-llm ---\nImportError"):
        wait("FATAL", tmp_path)


def test_the_wait_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "WITHIN_S", 0.1)
    with pytest.raises(CannotStart, match=r"^Not ready after 0.1 s \(the web process does not answer yet\)"):
        wait("BACKOFF", tmp_path)


def test_what_is_missing_is_said_by_its_name() -> None:
    body = b'{"checks": {"database": "ok", "llm": "no worker answers", "orchestrator": "not ready"}}'
    assert readiness._failed_checks(body) == "llm: no worker answers"
    assert readiness._failed_checks(b"<html>") == "the web process answers with an error"
