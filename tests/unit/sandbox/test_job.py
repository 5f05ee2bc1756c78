"""What goes to a child is checked first, and is read there as it was meant."""

from __future__ import annotations

import math

import pytest

from sandbox.errors import FilesRefused, JobRefused
from sandbox.frames import HEADER, unpack
from sandbox.job import Job, check_job, pack_job, read_job
from sandbox.limits import Limits


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b", "\ud800", "é" * 128])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(FilesRefused, match="file name"):
        check_job(Job("", files={name: b""}), Limits())


@pytest.mark.parametrize("name", ["a.csv", "-rf", "..a", "sales (1).csv", "日本.csv", "a\nb"])
def test_every_name_of_a_file_may_be_given(name: str) -> None:
    check_job(Job("", files={name: b"12345"}), Limits(files_bytes=5))


def test_files_over_the_limit_are_refused_with_the_limit() -> None:
    with pytest.raises(FilesRefused, match="limit is 1 KiB"):
        check_job(Job("", files={"a": bytes(1000), "b": bytes(25)}), Limits(files_bytes=1024))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "-rf",
        "a/-rf",
        "a\nb",
        "a\u202eb",
        "x" * 256,
        "d/" * 17 + "f",
        "é" * 600,
    ],
)
def test_a_path_that_a_workspace_cannot_have_is_refused(path: str) -> None:
    with pytest.raises(FilesRefused, match="not the path of a file"):
        check_job(Job("", workspace={path: b""}), Limits())


@pytest.mark.parametrize("path", ["a.csv", ".hidden", "charts/2026/q1 (2).svg", "日本/表.csv", "d/" * 16 + "f"])
def test_usual_paths_are_taken(path: str) -> None:
    check_job(Job("", workspace={path: b""}), Limits())


def test_a_file_cannot_be_a_folder_as_well() -> None:
    with pytest.raises(FilesRefused, match="'a' cannot be a file and a folder"):
        check_job(Job("", workspace={"a/b": b"", "a": b""}), Limits())


def test_a_workspace_has_its_limits() -> None:
    with pytest.raises(FilesRefused, match="has 2 files; the limit is 1"):
        check_job(Job("", workspace={"a": b"", "b": b""}), Limits(workspace_files=1))
    with pytest.raises(FilesRefused, match="2 bytes; the limit is 1 bytes"):
        check_job(Job("", workspace={"a": b"12"}), Limits(workspace_bytes=1))


def test_code_that_is_not_utf_8_can_still_be_sent() -> None:
    head, *blobs = pack_job(
        Job("'\ud800'", files={"a": b"1"}, workspace={"b/c": b"23"}, seed=4), Limits(), listening=True
    )
    asked = read_job(unpack(head[HEADER.size :], b"".join(blobs)))
    assert asked.guest == {"code": "'?'", "stdin": "", "environment": {}}
    assert (asked.files, asked.workspace, asked.fixed) == ({"a": b"1"}, {"b/c": b"23"}, (None, 4))
    assert asked.limits == Limits() and asked.listening


@pytest.mark.parametrize("environment", [{"": "x"}, {"A=B": "x"}, {"A\0": "x"}, {"A": "x\0"}, {"\ud800": "x"}])
def test_an_environment_that_no_program_can_have_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(JobRefused, match="environment"):
        check_job(Job("", environment=environment), Limits())


@pytest.mark.parametrize("clock", [-1.0, math.nan, math.inf, 1e300])
def test_a_clock_that_stands_nowhere_is_refused(clock: float) -> None:
    with pytest.raises(JobRefused, match="clock"):
        check_job(Job("", clock=clock), Limits())
