"""An image that somebody runs is left alone by the next build, and removed once nobody does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import build
from sandbox.errors import ImageMissing
from sandbox.in_use import InUse, remove_unused
from sandbox.keeper import Keeper
from sandbox.limits import Limits
from tests.support.services import ROOT

HOLD = "import sys; from pathlib import Path; from sandbox.in_use import InUse; held = InUse(map(Path, sys.argv[1:])); print('held', flush=True); sys.stdin.read()"


@pytest.fixture
def old(tmp_path: Path) -> list[Path]:
    """An image of other sources."""
    paths = [tmp_path / f"guest-old-{form}.cwasm" for form in ("plain", "metered")]
    for path in paths:
        path.write_bytes(b"old")
    return paths


def sweep(folder: Path) -> list[str]:
    build._sweep(folder, keep=[])
    return sorted(path.name for path in folder.glob("guest-*"))


def test_an_image_in_use_stays_until_the_last_has_closed_it(tmp_path: Path, old: list[Path]) -> None:
    with InUse(old):
        with InUse(old):
            assert len(sweep(tmp_path)) == 2
        assert len(sweep(tmp_path)) == 2
    assert sweep(tmp_path) == []


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path, old: list[Path]) -> None:
    command = [sys.executable, "-c", HOLD, *map(str, old)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        assert len(sweep(tmp_path)) == 2
        other.kill()
        other.wait()
    assert sweep(tmp_path) == []


def test_only_what_is_in_use_is_left(tmp_path: Path, old: list[Path]) -> None:
    with InUse(old[:1]):
        assert sweep(tmp_path) == [old[0].name]


def test_what_is_gone_is_not_held(tmp_path: Path, old: list[Path]) -> None:
    remove_unused(old[1])
    with pytest.raises(FileNotFoundError):
        InUse(old)
    assert sweep(tmp_path) == [], "nor is the other"


async def test_a_keeper_holds_the_image_that_it_runs_and_lets_go_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (*build.image_paths(tmp_path), build.needs_path(tmp_path)):
        path.write_bytes(b"{}")
    keeper = Keeper(image=tmp_path, size=0, limits=Limits())
    await keeper.start()
    assert len(sweep(tmp_path)) == 3, "a build of another release"
    await keeper.close()
    assert sweep(tmp_path) == []
    with pytest.raises(ImageMissing):
        await Keeper(image=tmp_path, size=0, limits=Limits()).start()
