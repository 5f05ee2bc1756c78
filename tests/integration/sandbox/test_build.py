"""The build, with the real tool."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sandbox import build
from sandbox.errors import BuildFailed
from tests.support.farm import eventually
from tests.support.services import ROOT


def test_a_second_build_is_quick_and_changes_nothing(sandbox_image: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sandbox_image.glob("guest-*")}
    command = [sys.executable, "-m", "sandbox.build", "--out", str(sandbox_image)]
    ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=5)
    assert "fresh" in ran.stdout
    assert {path: path.stat().st_mtime_ns for path in sandbox_image.glob("guest-*")} == before


def test_a_compiled_form_that_is_missing_is_made_from_the_component(
    sandbox_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(build.component_path(sandbox_image), tmp_path)
    (tmp_path / "guest-old.cwasm").write_bytes(b"old")
    (tmp_path / ".building-killed").mkdir()
    build.build(tmp_path)
    assert "Building" not in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {
        *(image.name for image in build.image_paths(tmp_path)),
        build.component_path(tmp_path).name,
        ".lock",
    }


def test_a_failed_build_tells_the_tools_words_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, out = tmp_path / "guest", tmp_path / "out"
    shutil.copytree(build.GUEST, guest)
    (guest / "app.py").write_text("raise RuntimeError('no such luck')")
    monkeypatch.setattr(build, "GUEST", guest)
    with pytest.raises(BuildFailed, match="no such luck"):
        build.build(out)
    assert [path.name for path in out.iterdir()] == [".lock"]


def test_a_build_that_is_broken_off_ends_its_tool_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.build", "--out", str(tmp_path)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    [tool] = eventually(lambda: psutil.Process(running.pid).children())
    running.terminate()
    _, said = running.communicate(timeout=10)
    assert running.returncode == 1 and "broken off" in said
    assert not tool.is_running()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
