"""What goes to a child is checked, and what comes from it even more so."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.errors import FilesRefused
from sandbox.frames import HEADER, Frame, unpack
from sandbox.limits import Limits
from sandbox.outcome import Artifact, Job, Outcome, check_artifact, check_files, pack_job, read_outcome

HONEST: dict[str, Any] = {
    "status": "ok",
    "stdout": "1\n",
    "stderr": "",
    "value": "2",
    "error": None,
    "artifacts": [["a.svg", "image/svg+xml"]],
    "wall_s": 0.1,
    "memory_bytes": 5,
}


def test_an_honest_answer_becomes_an_outcome() -> None:
    made = (Artifact("a.svg", "image/svg+xml", b"<svg/>"),)
    expected = Outcome("ok", "1\n", value="2", artifacts=made, wall_s=0.1, memory_bytes=5)
    assert read_outcome(Frame(HONEST, (b"<svg/>",))) == expected


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
    ],
)
def test_a_lying_child_is_found_out(lie: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_outcome(Frame({**HONEST, **lie}, (b"<svg/>",)))


def test_an_answer_with_a_part_missing_is_refused() -> None:
    with pytest.raises(ValueError):
        read_outcome(Frame({key: value for key, value in HONEST.items() if key != "stderr"}, (b"",)))


def test_texts_lose_what_a_database_refuses() -> None:
    outcome = read_outcome(Frame({**HONEST, "stdout": "a\0b", "value": "\ud800"}, (b"",)))
    assert (outcome.stdout, outcome.value) == ("a\ufffdb", "?")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b", "\ud800", "é" * 128])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(FilesRefused, match="file name"):
        check_files({name: b""}, Limits())


@pytest.mark.parametrize("name", ["a.csv", "-rf", "..a", "sales (1).csv", "日本.csv", "a\nb"])
def test_every_name_of_a_file_may_be_given(name: str) -> None:
    check_files({name: b"12345"}, Limits(files_bytes=5))


def test_files_over_the_limit_are_refused_with_the_limit() -> None:
    with pytest.raises(FilesRefused, match="limit is 1 KiB"):
        check_files({"a": bytes(1000), "b": bytes(25)}, Limits(files_bytes=1024))


@pytest.mark.parametrize("name", ["", ".", ".hidden", "-rf", "a/b", "a\\b", "a\nb", "a\u202eb", "x" * 201, "a\0"])
def test_a_made_file_needs_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a file's name"):
        check_artifact(name, "text/plain")


@pytest.mark.parametrize("media_type", ["", "text", "text/", "text/html\r\nX: y", "text/plain; charset=utf-8; x=1"])
def test_a_made_file_needs_a_media_type(media_type: str) -> None:
    with pytest.raises(ValueError, match="not a media type"):
        check_artifact("a", media_type)


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/csv; charset=utf-8", "application/vnd.ms-excel"])
def test_usual_media_types_are_taken(media_type: str) -> None:
    check_artifact("Übersicht 2024.csv", media_type)


def test_code_that_is_not_utf_8_can_still_be_sent() -> None:
    head, *blobs = pack_job(Job("'\ud800'", files={"a": b"1"}), Limits())
    frame = unpack(head[HEADER.size :], b"".join(blobs))
    assert (frame.value["code"], frame.value["names"], frame.blobs) == ("'?'", ["a"], (b"1",))
    assert Limits(**frame.value["limits"]) == Limits()
