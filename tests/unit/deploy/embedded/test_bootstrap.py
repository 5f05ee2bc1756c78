"""The first script: old Pythons, half-made environments, folders that are not ours."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from deploy.embedded import bootstrap as script
from tests.support.services import ROOT


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, for an environment that is not there yet."""
    venv = tmp_path / "venv"
    monkeypatch.setattr(script, "VENV", str(venv))
    monkeypatch.setattr(script, "PYTHON", str(venv / "bin" / "python"))
    for name in ("OURS", "MADE", "BROKEN_OFF"):
        monkeypatch.setattr(script, name, str(venv / Path(getattr(script, name)).name))
    return script


def test_an_old_python_is_told_what_is_needed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 1))
    with pytest.raises(SystemExit):
        bootstrap.main()


def test_the_syntax_is_readable_for_pythons_of_long_ago() -> None:
    text = Path(script.__file__).read_text()
    assert text.isascii()
    ast.parse(text, feature_version=(3, 4))
    assert not any(isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.Starred)) for node in ast.walk(ast.parse(text)))


def test_an_environment_is_made_where_there_is_none_and_kept_when_it_is_whole(bootstrap: ModuleType) -> None:
    bootstrap.ensure_environment()
    made = os.stat(bootstrap.MADE).st_mtime_ns
    bootstrap.ensure_environment()
    assert os.stat(bootstrap.MADE).st_mtime_ns == made
    subprocess.run([bootstrap.PYTHON, "-c", "import pip"], check=True)


@pytest.mark.parametrize("broken", ["MADE is missing", "pip was broken off", "its Python is gone", "it was moved"])
def test_a_half_made_environment_is_made_anew(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    made: list[str] = []
    monkeypatch.setattr(bootstrap, "make", lambda: made.append(bootstrap.VENV))
    Path(bootstrap.PYTHON).parent.mkdir(parents=True)
    Path(bootstrap.PYTHON).touch()
    Path(bootstrap.OURS).touch()
    Path(bootstrap.MADE).write_text(bootstrap.birthmark())
    bootstrap.ensure_environment()
    assert made == []
    match broken:
        case "MADE is missing":
            Path(bootstrap.MADE).unlink()
        case "pip was broken off":
            Path(bootstrap.BROKEN_OFF).touch()
        case "its Python is gone":
            Path(bootstrap.PYTHON).unlink()
        case _:
            Path(bootstrap.MADE).write_text("/elsewhere 3.11")
    bootstrap.ensure_environment()
    assert made == [bootstrap.VENV]


def test_a_folder_that_is_no_environment_is_not_touched(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(bootstrap.VENV).mkdir()
    (Path(bootstrap.VENV) / "novel.txt").write_text("mine")
    with pytest.raises(SystemExit):
        bootstrap.ensure_environment()
    assert "is in the way" in capsys.readouterr().err
    assert (Path(bootstrap.VENV) / "novel.txt").read_text() == "mine"


def test_requirements_are_installed_when_they_changed_and_only_then(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[str] = []
    monkeypatch.setattr(bootstrap, "install", installed.append)
    Path(bootstrap.VENV).mkdir()
    monkeypatch.setattr(bootstrap, "digest", lambda files: "one")
    for _ in range(2):
        bootstrap.ensure("run", ["requirements.txt"])
    monkeypatch.setattr(bootstrap, "digest", lambda files: "two")
    bootstrap.ensure("run", ["requirements.txt"])
    assert installed == ["requirements.txt", "requirements.txt"]


def test_an_interrupted_installation_is_seen_at_the_next_start(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(bootstrap.VENV).mkdir()
    monkeypatch.setattr(bootstrap, "PYTHON", "false")
    with pytest.raises(SystemExit):
        bootstrap.install("requirements.txt")
    assert Path(bootstrap.BROKEN_OFF).exists()


def test_a_download_is_shown_with_its_size(bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap.show("Downloading wasmtime-50.0.1-py3-none-manylinux1_x86_64.whl (9.3 MB)")
    bootstrap.show("Downloading wasmtime-50.0.1.whl.metadata (4.0 kB)")
    bootstrap.show("Collecting wasmtime")
    assert capsys.readouterr().out == "  wasmtime (9.3 MB)\n"


def test_the_disk_is_looked_at_before_anything_is_made(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARTLEY_FREE_BYTES", str(10**18))
    with pytest.raises(SystemExit):
        bootstrap.ensure_environment()
    assert "MB free" in capsys.readouterr().err
    assert not Path(bootstrap.VENV).exists()


def test_every_direct_requirement_is_pinned_exactly() -> None:
    for name in ("requirements.txt", "tests/requirements.txt", "deploy/constraints.txt"):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] not in "#-"]
        assert [line for line in lines if "==" not in line] == []
