"""Private folders: nothing stays, whoever dies, and no living keeper loses its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.scratch import Scratch, remove


def test_closing_removes_everything(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "new" / "root")
    folder = scratch.new_folder()
    (folder / "data").mkdir()
    (folder / "data" / "x").write_bytes(b"1")
    scratch.close()
    assert list((tmp_path / "new" / "root").iterdir()) == []


def test_a_new_keeper_removes_the_folders_of_dead_ones_only(tmp_path: Path) -> None:
    alive = Scratch(tmp_path)
    kept = alive.new_folder()
    (tmp_path / "keeper-dead" / "child").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    second = Scratch(tmp_path)
    assert kept.is_dir() and (tmp_path / "other").is_dir() and not (tmp_path / "keeper-dead").exists()
    second.close()
    alive.close()


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "keeper-link").symlink_to(tmp_path / "precious")
    Scratch(tmp_path / "root").close()
    assert (tmp_path / "precious").is_dir()


def test_a_tree_too_deep_for_recursion_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    at = os.open(folder, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=at)
        deeper = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = deeper
    os.close(at)
    remove(folder)
    assert not folder.exists()


def test_a_root_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Scratch(tmp_path / "file" / "root")
