"""What keeps `make run` from starting is one clear sentence, and leaves nothing half made."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded import preflight
from deploy.embedded.home import free_port
from tests.support.launched import Launched
from tests.support.services import ROOT


@pytest.fixture
def launched(tmp_path: Path, sandbox_image: Path) -> Launched:
    return Launched(tmp_path / "home", sandbox_image)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def refused(launched: Launched, **environment: str) -> str:
    """The sentence, after checking that it is one and that there is no data folder."""
    done = launched.run(**environment)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert said.startswith("hartley: ") and said.count("\n") == 1, said
    assert not launched.home.exists()
    return said.removeprefix("hartley: ").strip()


def test_a_taken_port_is_named_with_the_way_out(launched: Launched, taken_port: int) -> None:
    said = refused(launched, PORT=str(taken_port))
    assert said == f"Port {taken_port} is taken; choose another, for example: PORT={taken_port + 1} make run"


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_an_odd_port_is_named(launched: Launched, port: str) -> None:
    assert refused(launched, PORT=port) == f"PORT must be a number from 1 to 65535, not '{port}'."


def test_an_odd_drain_is_named(launched: Launched) -> None:
    assert refused(launched, DRAIN_S="soon").startswith("DRAIN_S must be a number of seconds")


def test_a_full_disk_is_named_with_what_is_needed(launched: Launched) -> None:
    assert "at least 1000000000000 MB are needed" in refused(launched, HARTLEY_FREE_BYTES=str(10**18))


def test_a_folder_that_cannot_be_written_is_named(launched: Launched, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = refused(launched, HARTLEY_HOME=str(tmp_path / "file" / "home"))
    assert said == f"Can't write to {tmp_path}/file/home: Not a directory. Set HARTLEY_HOME to a folder of yours."


def test_a_folder_of_somebody_else_is_refused() -> None:
    """As a user without rights, which root is not: so in a child that gives them up."""
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from deploy.embedded import preflight\n"
        "os.getuid() == 0 and (os.setgid(65534), os.setuid(65534))\n"
        "preflight.check({'HARTLEY_HOME': '/etc/hartley-test', 'PORT': sys.argv[2]})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(free_port())], capture_output=True, text=True, check=False
    )
    assert "CannotStart: Can't write to /etc/hartley-test: Permission denied." in done.stderr


def test_a_missing_tool_is_named(launched: Launched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(preflight.CannotStart, match="setpriv .* is missing"):
        preflight.check({"HARTLEY_HOME": str(launched.home), "PATH": str(tmp_path)})
    assert not launched.home.exists()


def test_a_database_that_does_not_answer_is_named(launched: Launched, taken_port: int) -> None:
    done = launched.run(DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/none", REDIS_URL="redis://127.0.0.1:1")
    assert done.returncode == 1
    assert "hartley: Postgres does not answer: " in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_a_broken_off_first_start_leaves_a_folder_from_which_the_next_one_works(launched: Launched) -> None:
    """First an odd setting stops it after the database was made, then the cluster is only half made."""
    broken_off = launched.run(HARTLEY_LEASE_S="abc")
    assert broken_off.returncode == 1
    assert "ImproperlyConfigured: HARTLEY_LEASE_S must be a number, not 'abc'" in broken_off.stdout
    (launched.home / "postgres" / "ready").unlink()
    shutil.rmtree(launched.home / "postgres" / "cluster" / "base")
    done = launched.run(within_s=120, ONCE="1")
    assert done.returncode == 0, done.stdout
    assert "completed in" in done.stdout
    assert not (launched.home / "pids.json").exists()
