"""A run needs room before it begins; what there is, is read from the machine and from its group."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox import room
from sandbox.limits import MIB, Limits
from sandbox.room import Room, look

LIMITS = Limits(memory_bytes=256 * MIB, workspace_bytes=100 * MIB, files_bytes=32 * MIB)


@pytest.mark.parametrize(
    ("memory", "disk", "says"),
    [(612, 388, None), (611, 388, "611 MiB of memory"), (612, 387, "disk has 387 MiB"), (0, 0, "0 MiB of memory")],
)
def test_what_lacks_is_named(memory: int, disk: int, says: str | None) -> None:
    lack = Room(memory * MIB, disk * MIB).lacks(LIMITS)
    assert lack is None if says is None else says in (lack or "")


def test_a_look_at_this_machine_finds_some(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert found.memory_bytes > 0 and found.disk_bytes > 0


def test_a_groups_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("400\n")
    monkeypatch.setattr(room, "GROUP", tmp_path)
    assert look(tmp_path).memory_bytes == 600
    (tmp_path / "memory.max").write_text("max\n")
    assert look(tmp_path).memory_bytes > 1000
