"""What goes to a child is checked, and what comes from it even more so."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sandbox.frames import Frame
from sandbox.limits import Limits
from sandbox.outcome import Artifact, Outcome, read_news, read_outcome

HONEST: dict[str, Any] = {
    "status": "ok",
    "stdout": "1\n",
    "stderr": "",
    "value": "2",
    "error": None,
    "artifacts": [["a.svg", "image/svg+xml"]],
    "files": ["b/c.txt"],
    "deleted": ["gone", "never given"],
    "left_out": ["ln\0"],
    "wall_s": 0.1,
    "memory_bytes": 5,
    "fuel": 7,
}

BLOBS = (b"<svg/>", b"c")
LIMITS = Limits(fuel=10, output_bytes=20, workspace_files=2)


def test_an_honest_answer_becomes_an_outcome() -> None:
    made = (Artifact("a.svg", "image/svg+xml", b"<svg/>"),)
    expected = Outcome(
        "ok",
        "1\n",
        value="2",
        artifacts=made,
        files={"b/c.txt": b"c"},
        deleted=("gone",),
        left_out=("ln\ufffd",),
        wall_s=0.1,
        memory_bytes=5,
        fuel=7,
    )
    assert read_outcome(Frame(HONEST, BLOBS), {"gone": b"", "kept": b""}, LIMITS) == expected


@pytest.mark.parametrize(
    "lie",
    [
        {"status": "fine"},
        {"status": []},
        {"stdout": {"a": 1}},
        {"value": 3},
        {"wall_s": "0"},
        {"artifacts": []},
        {"artifacts": [["../a", "image/svg+xml"]]},
        {"artifacts": [["a", "text"]]},
        {"artifacts": ["ab"]},
        {"memory_bytes": "5"},
        {"files": []},
        {"files": ["../a"]},
        {"files": ["/a"]},
        {"files": [5]},
        {"fuel": 1.5},
        {"deleted": "gone"},
        {"deleted": [["gone"]]},
        {"left_out": [5]},
        {"wall_s": -1.0},
        {"wall_s": math.nan},
        {"wall_s": math.inf},
        {"memory_bytes": -1},
        {"fuel": -1},
        {"fuel": 11},
        {"stdout": "x" * 21},
        {"stdout": "x" * 11, "stderr": "x" * 11},
        {"error": "x" * 70_000},
        {"files": ["given/below"]},
    ],
)
def test_a_lying_child_is_found_out(lie: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_outcome(Frame({**HONEST, **lie}, BLOBS), {"given": b"", "gone": b""}, LIMITS)


def test_more_files_than_a_workspace_may_hold_are_a_lie() -> None:
    with pytest.raises(ValueError, match="beyond the limits"):
        read_outcome(Frame(HONEST, BLOBS), {"a": b"", "b": b""}, LIMITS)


def test_an_answer_with_a_part_missing_is_refused() -> None:
    with pytest.raises(ValueError):
        read_outcome(Frame({key: value for key, value in HONEST.items() if key != "stderr"}, BLOBS), {}, LIMITS)


def test_texts_lose_what_a_database_refuses() -> None:
    outcome = read_outcome(Frame({**HONEST, "stdout": "a\0b", "value": "\ud800"}, BLOBS), {}, LIMITS)
    assert (outcome.stdout, outcome.value) == ("a\ufffdb", "?")


@pytest.mark.parametrize("news", [[], "x", [["value", "x"]], [["stdout", ""]], [["stdout", 5]], [["stdout"]]])
def test_odd_news_is_refused(news: object) -> None:
    with pytest.raises(ValueError):
        read_news(Frame({"news": news}))


def test_news_is_told_by_kind() -> None:
    assert read_news(Frame({"news": [["stdout", "a\0"], ["stderr", "b"]]})) == [("stdout", "a\ufffd"), ("stderr", "b")]
