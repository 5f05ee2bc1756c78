"""Following log files: whole lines, in the face of rotation, in colour where it is wanted."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from deploy.embedded.logs import Follower, Tail, prefix, tail, wants_colour


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_only_whole_lines_that_came_since_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.write_text("before\n")
    following = Tail(path)
    with path.open("a") as file:
        file.write("one\ntw")
    assert list(following.lines()) == ["one"]
    with path.open("a") as file:
        file.write("o\n")
    assert list(following.lines()) == ["two"]
    following.close()


def test_nothing_is_lost_when_a_log_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.touch()
    following = Tail(path)
    path.write_text("last of the old\n")
    path.rename(tmp_path / "web.log.1")
    path.write_text("first of the new\n")
    assert list(following.lines()) == ["last of the old", "first of the new"]
    following.close()


def test_a_log_that_comes_later_is_read_from_its_start(tmp_path: Path) -> None:
    following = Tail(tmp_path / "web.log")
    assert list(following.lines()) == []
    (tmp_path / "web.log").write_text("hello\n")
    assert list(following.lines()) == ["hello"]
    following.close()


def test_each_line_has_the_name_of_its_process_in_front(tmp_path: Path) -> None:
    shown: list[str] = []
    follower = Follower(tmp_path, ["web", "beat"], shown.append)
    (tmp_path / "beat.log").write_text("tick\n")
    (tmp_path / "web.log").write_text("up\n")
    follower.start()
    follower.stop()
    assert sorted(shown) == [f"{'beat':<15} tick", f"{'web':<15} up"]


@pytest.mark.parametrize(
    ("stream", "environment", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    stream: io.StringIO, environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert wants_colour(stream) is wanted


def test_a_coloured_prefix_ends_its_colour() -> None:
    assert prefix("web", 36) == f"\x1b[36m{'web':<15}\x1b[0m "


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text("".join(f"{n}\n" for n in range(100_000)))
    assert tail(tmp_path / "web.log", 2) == "99998\n99999"
    assert tail(tmp_path / "missing.log", 2) == ""
