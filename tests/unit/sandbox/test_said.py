"""The host function: takes what fits, cuts the rest, stops the code once, and never raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.limits import Limits
from sandbox.said import Said


@dataclass
class Listener:
    limits: Limits = field(default_factory=lambda: Limits(output_bytes=10, artifact_bytes=10, artifacts=2, emits=5))
    stops: int = 0

    def __post_init__(self) -> None:
        self.said = Said(self.limits, self._stop)

    def _stop(self) -> None:
        self.stops += 1

    def emit(self, kind: str, data: bytes = b"") -> str:
        return self.said.emit(None, kind, data.decode("latin-1"))


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_text_is_kept_by_kind(listener: Listener) -> None:
    assert [listener.emit("stdout", b"a"), listener.emit("stderr", b"b"), listener.emit("stdout", b"c")] == [""] * 3
    assert (listener.said.text("stdout"), listener.said.text("stderr")) == ("ac", "b")
    assert listener.said.text("value") is None


def test_an_empty_value_differs_from_none(listener: Listener) -> None:
    listener.emit("value")
    assert listener.said.text("value") == ""


def test_the_first_bytes_are_kept_and_the_code_is_stopped_once(listener: Listener) -> None:
    listener.emit("stdout", b"12345678")
    assert "10 bytes of output" in listener.emit("stderr", b"abcdef")
    assert listener.emit("stdout", b"more") and listener.stops == 1
    assert (listener.said.text("stdout"), listener.said.text("stderr")) == ("12345678", "ab")


def test_many_tiny_pieces_are_too_many(listener: Listener) -> None:
    assert [bool(listener.emit("stdout")) for _ in range(7)] == [False] * 5 + [True] * 2
    assert listener.stops == 1


def test_news_is_what_was_printed_since_the_last_time(listener: Listener) -> None:
    listener.emit("stdout", "aé".encode()[:2])
    assert listener.said.news() == [("stdout", "a")]
    listener.emit("stdout", "é".encode()[1:])
    listener.emit("stderr", b"b")
    listener.emit("value", b"5")
    assert listener.said.news() == [("stdout", "é"), ("stderr", "b")]
    assert listener.said.news() == []


def test_a_file_comes_in_pieces(listener: Listener) -> None:
    listener.emit("artifact:text/csv:a.csv", b"1,")
    listener.emit("continue", b"2")
    assert listener.said.artifacts == [("a.csv", "text/csv")] and listener.said.blobs == [b"1,2"]


def test_a_file_that_is_too_large_is_not_kept_in_part(listener: Listener) -> None:
    listener.emit("artifact:text/csv:small", b"1")
    listener.emit("artifact:text/csv:large", b"12345")
    assert "10 bytes together" in listener.emit("continue", b"67890")
    assert listener.said.artifacts == [("small", "text/csv")] and listener.stops == 1


def test_one_file_too_many_stops_the_code(listener: Listener) -> None:
    refusals = [listener.emit(f"artifact:text/csv:{n}") for n in range(3)]
    assert refusals == ["", "", "more than 2 files"] and listener.stops == 1


@pytest.mark.parametrize(
    "kind", ["artifact:text/plain:../x", "artifact:nonsense:x", "artifact:x", "other", "continue", ""]
)
def test_an_odd_piece_is_refused_with_a_reason_and_the_code_goes_on(listener: Listener, kind: str) -> None:
    assert listener.emit(kind, b"data")
    assert listener.said.artifacts == [] and listener.stops == 0


def test_not_even_a_system_exit_gets_out(listener: Listener) -> None:
    class Hostile:
        def encode(self, _codec: str) -> bytes:
            raise SystemExit

    text: Any = Hostile()
    assert listener.said.emit(None, "stdout", text) == "SystemExit"
