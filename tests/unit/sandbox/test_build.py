"""The image's name follows its sources; a missing one is a sentence with the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox import build
from sandbox.errors import ImageMissing


def test_a_missing_image_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ImageMissing, match=r"python -m sandbox\.build --out"):
        build.find_images(tmp_path)


def test_a_change_of_the_guest_asks_for_a_new_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build.image_path(tmp_path)
    guest = tmp_path / "guest"
    shutil.copytree(build.GUEST, guest)
    monkeypatch.setattr(build, "GUEST", guest)
    assert build.image_path(tmp_path) == before
    (guest / "app.py").write_text("other")
    assert build.component_path(tmp_path).stem not in before.name


def test_another_package_asks_for_a_new_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, fetched = build.component_path(tmp_path), build.wheels_path(tmp_path)
    (tmp_path / "requirements.txt").write_text("other")
    monkeypatch.setattr(build, "REQUIREMENTS", tmp_path / "requirements.txt")
    assert build.component_path(tmp_path) != before and build.wheels_path(tmp_path) != fetched


def test_a_change_of_the_engine_keeps_the_component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, component = build.image_path(tmp_path), build.component_path(tmp_path)
    (tmp_path / "engine.py").write_text("other")
    monkeypatch.setattr(build, "ENGINE", tmp_path / "engine.py")
    assert build.image_path(tmp_path) != image and build.component_path(tmp_path) == component


def test_a_fresh_image_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {*build.image_paths(tmp_path), build.needs_path(tmp_path)}
    for path in files:
        path.write_bytes(b"image")
    assert build.build(tmp_path).read_bytes() == b"image"
    assert "fresh" in capsys.readouterr().out
    assert {*tmp_path.iterdir()} == files


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("sys.argv", ["build", "--out", str(tmp_path / "file" / "image")])
    with pytest.raises(SystemExit, match=r"^The sandbox image could not be built: "):
        build.main()
