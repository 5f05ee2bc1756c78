"""Which names a session's files may have, and what one level of them shows."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.names import is_path
from webapp.workspaces.errors import PathInvalid
from webapp.workspaces.rules import Entry, clean_path, folders_of, is_text, media_type, one_level


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "a/../b", "a/..", "./a", "a/.", "a//b", "a/", "a\0b", "a\nb", "a\x7f", "a\u202eb", "a\ud800",
     "a\u2028b", "a\u202fb", "-rf", "a/-b", "é" * 128, "x" * 256, "a/" * 17 + "b", "/".join(["x" * 204] * 5) + "y"],
)  # fmt: skip
def test_a_path_that_could_leave_or_deceive_is_refused_with_the_rule(path: str) -> None:
    with pytest.raises(PathInvalid, match="a path "):
        clean_path(path)


@pytest.mark.parametrize(
    "path", ["a", ".env", "...", "a b/ü.txt", "r-f", "a\\b", "日本/表.csv", "a/" * 16 + "b", "x" * 255]
)
def test_other_paths_are_as_they_are(path: str) -> None:
    assert clean_path(path) == path


def test_two_spellings_of_a_name_are_one() -> None:
    assert clean_path("e\u0301.txt") == clean_path("\u00e9.txt") == "\u00e9.txt"


@given(st.text(max_size=40))
@example("\u1100\u1161")
def test_what_passes_stays_below_the_workspace_and_a_run_can_be_given_it(path: str) -> None:
    try:
        cleaned = clean_path(path)
    except PathInvalid:
        return
    assert not cleaned.startswith("/") and {"", ".", ".."}.isdisjoint(cleaned.split("/"))
    assert cleaned == unicodedata.normalize("NFC", path) == clean_path(cleaned)
    assert is_path(cleaned)


@given(st.text(max_size=40))
def test_what_a_run_may_leave_can_be_kept(path: str) -> None:
    if is_path(path):
        clean_path(path)


@pytest.mark.parametrize(
    ("path", "kind", "plain"),
    [("a/b.md", "text/markdown", True), ("x.py", "text/x-python", True), ("x.CSV", "text/csv", True),
     ("x.yaml", "text/yaml", True), ("x.log", "text/plain", True), ("x.json", "application/json", True),
     ("x.xml", "text/xml", True), ("x.svg", "image/svg+xml", False), ("x.csv.gz", "application/octet-stream", False),
     ("md", "application/octet-stream", False), ("a.md/x", "application/octet-stream", False)],
)  # fmt: skip
def test_the_kind_is_told_by_the_name(path: str, kind: str, plain: bool) -> None:
    assert media_type(path) == kind and is_text(kind) == plain


def test_one_level_shows_files_and_folders_once() -> None:
    files = [("a/b/c.txt", 1), ("a/d.txt", 2), ("ab.txt", 3), ("z", 4)]
    assert one_level(files, "") == [
        Entry("a", "a", True, 0),
        Entry("ab.txt", "ab.txt", False, 3),
        Entry("z", "z", False, 4),
    ]
    assert one_level(files, "a") == [Entry("b", "a/b", True, 0), Entry("d.txt", "a/d.txt", False, 2)]
    assert one_level(files, "a/d.txt") == []
    assert folders_of("a/b/c.txt") == ["a", "a/b"] and folders_of("z") == []
