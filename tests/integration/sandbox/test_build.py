"""The build, with the real tool."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import asdict
from math import ceil
from pathlib import Path

import psutil
import pytest

from sandbox import build, packages
from sandbox.errors import BuildFailed
from sandbox.limits import KIB
from sandbox.measure import starter
from tests.support.farm import eventually
from tests.support.services import ROOT


def copy_wheels(built: Path, into: Path) -> Path:
    """So that nothing is fetched."""
    wheels = build.wheels_path(into)
    shutil.copytree(build.wheels_path(built), wheels)
    return wheels


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
        build.needs_path(tmp_path).name,
        ".lock",
    }


def test_what_the_image_needs_to_start_is_told_and_is_the_least(sandbox_image: Path) -> None:
    needs = build.needs(sandbox_image)
    starts = starter(build.image_path(sandbox_image))
    for name, enough in asdict(needs).items():
        assert starts(name, enough) and not starts(name, enough - 1), name
    assert needs.memory_bytes % (64 * KIB) == 0 and needs.table_elements > 1000
    assert needs.with_margin().instances == ceil(needs.instances * 1.5)


def test_a_failed_build_tells_the_tools_words_and_leaves_nothing(
    sandbox_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest, out = tmp_path / "guest", tmp_path / "out"
    wheels = copy_wheels(sandbox_image, out)
    shutil.copytree(build.GUEST, guest)
    (guest / "app.py").write_text("raise RuntimeError('no such luck')")
    monkeypatch.setattr(build, "GUEST", guest)
    with pytest.raises(BuildFailed, match="no such luck"):
        build.build(out)
    assert {path.name for path in out.iterdir()} == {".lock", wheels.name}


def test_packages_that_cannot_be_had_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PIP", [*packages.PIP, "--no-index"])
    with pytest.raises(BuildFailed, match=r"requirements.txt could not be fetched: .*jinja2"):
        build.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_package_of_another_hash_is_refused(
    sandbox_image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "requirements.txt"
    asked.write_text(f"tabulate==0.10.0 --hash=sha256:{64 * '0'}\n")
    known = ["--no-index", "--find-links", str(build.wheels_path(sandbox_image))]
    monkeypatch.setattr(packages, "PIP", [*packages.PIP, *known])
    with pytest.raises(BuildFailed, match="DO NOT MATCH THE HASHES"):
        packages.fetch(asked, tmp_path / "wheels")


def test_a_build_that_is_broken_off_ends_its_tool_and_leaves_nothing(sandbox_image: Path, tmp_path: Path) -> None:
    wheels = copy_wheels(sandbox_image, tmp_path)
    command = [sys.executable, "-m", "sandbox.build", "--out", str(tmp_path)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    [tool] = eventually(lambda: psutil.Process(running.pid).children())
    running.terminate()
    _, said = running.communicate(timeout=10)
    assert running.returncode == 1 and "broken off" in said
    assert not tool.is_running()
    assert {path.name for path in tmp_path.iterdir()} == {".lock", wheels.name}
