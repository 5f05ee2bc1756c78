"""The data folder: private files, one lock, a short place for sockets."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import time
from pathlib import Path

import pytest

from deploy.embedded.home import SOCKET_FOLDER_LIMIT, CannotStart, Home, free_port, write_json


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare(free_bytes=0)
    return made


def test_secrets_are_made_once_and_read_by_the_owner_only(home: Home) -> None:
    made = home.secrets()
    home.remember({"flower_port": 1})
    assert home.secrets() == {**made, "flower_port": 1}
    assert stat.S_IMODE(home.path("secrets.json").stat().st_mode) == 0o600
    assert len(set(made.values())) == len(made)


def test_a_secret_that_a_newer_version_needs_is_added(home: Home) -> None:
    write_json(home.path("secrets.json"), {"owner": "kept"})
    assert home.secrets()["owner"] == "kept"
    assert home.secrets()["flower"] == home.secrets()["flower"] != ""


def test_a_failed_write_leaves_the_old_file(home: Home) -> None:
    path = home.path("kept.json")
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}


def test_a_full_disk_leaves_no_folder(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    with pytest.raises(CannotStart, match="MB free; at least"):
        home.prepare(free_bytes=10**18)
    assert not home.root.exists()


def test_a_full_disk_does_not_touch_a_folder_that_was_there(home: Home) -> None:
    home.secrets()
    with pytest.raises(CannotStart):
        home.prepare(free_bytes=10**18)
    assert home.path("secrets.json").exists()


def test_sockets_of_a_deep_folder_lie_in_a_private_place_that_is_removed(tmp_path: Path) -> None:
    deep = Home(tmp_path / ("d" * SOCKET_FOLDER_LIMIT))
    deep.prepare(free_bytes=0)
    deep.lay_out()
    assert not deep.run.is_relative_to(deep.root)
    assert len(bytes(deep.run)) <= SOCKET_FOLDER_LIMIT
    assert stat.S_IMODE(deep.run.stat().st_mode) == 0o700
    deep.clean()
    assert not deep.run.exists()


def test_a_place_for_sockets_that_somebody_else_took_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    deep = Home(tmp_path / ("d" * SOCKET_FOLDER_LIMIT))
    deep.prepare(free_bytes=0)
    (tmp_path / "theirs").mkdir()
    deep.run.symlink_to(tmp_path / "theirs")
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        deep.lay_out()


def test_the_folder_is_locked_while_a_launcher_lives(home: Home) -> None:
    write_json(home.path("pids.json"), {"launcher": {"pid": os.getpid(), "children": []}})
    began = time.monotonic()
    with home.lock(), pytest.raises(CannotStart, match="already running"):
        home.lock(within_s=60)
    assert time.monotonic() - began < 10, "it says so at once"
    home.lock(within_s=0).close()


@pytest.mark.parametrize("named", [True, False])
def test_after_a_killed_launcher_the_lock_is_waited_for(home: Home, named: bool) -> None:
    """Also in the last moments, when pids.json is gone already."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    if named:
        write_json(home.path("pids.json"), {"launcher": {"pid": gone.pid, "children": []}})
    with home.lock() as held:
        heir = subprocess.Popen(["sleep", "1.5"], stdin=held)
    home.lock(within_s=60).close()
    assert heir.wait(1) == 0, "the lock was free only when the process that inherited it had ended"


def test_a_free_port_is_kept_and_a_taken_one_is_not() -> None:
    port = free_port()
    assert free_port(port) == port
