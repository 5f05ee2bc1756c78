from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.workers.toolbox.builtin.files import TOOLS, Session
from workers.toolbox.errors import ArgumentsInvalid

OUTSIDE = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    "/memory/a",
    "a//b",
    "./../x",
    "/workspace/../x",
    "-rf",
    "a\0b",
    "a\u2028b",
]
ALL_PATHS = ["file_read", "file_write", "file_edit", "file_delete", "file_list", "file_search"]
MORE: dict[str, dict[str, Any]] = {
    "file_write": {"content": "x"},
    "file_edit": {"old_text": "a", "new_text": "b"},
    "file_search": {"query": "root"},
}
FILES = {"a.csv": b"1,2\n", "notes/plan.md": b"one\ntwo\n", "notes/deep/.hidden": b"h", "notes/deep/x.csv": b"3"}


def session(**more: bytes) -> Session:
    return Session({**FILES, **more}, {"given.txt": b"attached\n"})


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("tool", ALL_PATHS)
def test_no_path_leads_out_of_the_session(tool: str, path: str) -> None:
    code, message = session().refused(tool, path=path, **MORE.get(tool, {}))
    assert code in ("workspace.path_invalid", "file.not_found") and message.startswith("path: ")


@pytest.mark.parametrize("path", ["a.csv", "./a.csv", "/workspace/a.csv"])
def test_a_file_is_read_by_each_of_its_names(path: str) -> None:
    assert session().done("file_read", path=path)["content"] == "1,2\n"


def test_attached_files_are_read_and_never_changed() -> None:
    here = session()
    assert here.done("file_read", path="/data/given.txt")["content"] == "attached\n"
    assert here.done("file_list", path="/data")["files"] == [
        {"path": "/data/given.txt", "is_dir": False, "size_bytes": 9}
    ]
    for tool in ("file_write", "file_edit", "file_delete"):
        assert here.refused(tool, path="/data/given.txt", **MORE.get(tool, {}))[0] == "file.read_only"


def test_a_file_that_is_not_there_is_told_with_those_alike() -> None:
    assert session().refused("file_read", path="a.csw") == (
        "file.not_found", "path: there is no file 'a.csw'; there is 'a.csv'"
    )  # fmt: skip
    assert session().refused("file_read", path="notes")[0] == "workspace.is_folder"


def test_a_long_file_is_read_in_pieces_that_lose_nothing() -> None:
    text = "".join(f"{n} {'x' * 90}\n" for n in range(2000))
    here, read, offset = session(log=text.encode()), "", 0
    while True:
        page = here.done("file_read", path="log", offset=offset)
        read += page["content"]
        if "next_offset" not in page:
            break
        offset = page["next_offset"]
    assert read == text and page["lines"] == 2000
    assert here.done("file_read", path="log", offset=3, limit=1)["content"].startswith("3 x")


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_reached() -> None:
    page = session(long=b"y" * 60_000 + b"\nend").done("file_read", path="long")
    assert (len(page["content"]), page["cut_characters"], page["next_offset"]) == (50_000, 10_001, 1)


def test_reading_names_the_size_and_the_encoding() -> None:
    here = session(big=b"x" * 1_048_577, photo=b"\xff\xd8\xff")
    code, message = here.refused("file_read", path="big", max_size_mb=1)
    assert (code, message) == ("file.too_large", "path: 'big' has 1,048,577 bytes; the limit is 1 MiB")
    assert here.refused("file_read", path="photo")[0] == "file.not_text"
    assert here.done("file_read", path="photo", encoding="latin-1")["content"] == "ÿØÿ"


def test_writing_makes_replaces_and_adds() -> None:
    here = session()
    assert here.done("file_write", path="new/b.txt", content="grüß\n")["created"] is True
    assert here.done("file_write", path="new/b.txt", content="end", mode="append")["created"] is False
    assert here.files["new/b.txt"] == "grüß\nend".encode()
    here.done("file_write", path="new/b.txt", content="ü", encoding="latin-1")
    assert here.files["new/b.txt"] == b"\xfc"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({"path": "notes", "content": ""}, "workspace.is_folder", "path: 'notes' is a folder"),
        ({"path": "a.csv/x", "content": ""}, "workspace.path_taken", "path: 'a.csv' is a file"),
        ({"path": "no/x", "content": "", "create_dirs": False}, "file.not_found", "path: there is no folder 'no'"),
        ({"path": "x", "content": "€", "encoding": "latin-1"}, "file.not_text", "content: '€' can't be written"),
        ({"path": "x", "content": "\ud800"}, "file.not_text", "content: "),
    ],
)
def test_writing_says_what_is_in_the_way(arguments: dict[str, Any], code: str, message: str) -> None:
    found = session().refused("file_write", **arguments)
    assert found[0] == code and found[1].startswith(message)


def test_no_file_grows_over_the_limit() -> None:
    here = session(full=b"x" * (10 * 1024 * 1024), seeds=b"a" * 100_000)
    assert here.refused("file_write", path="full", content="y", mode="append")[0] == "file.too_large"
    code, message = here.refused("file_edit", path="seeds", old_text="a", new_text="b" * 200_000, replace_all=True)
    assert code == "file.too_large" and message.startswith("new_text: the file would have 20,000,000,000 bytes")


def test_an_edit_replaces_what_stands_there_once() -> None:
    here = session(crlf=b"a\r\nb\r\n\xff")
    assert here.done("file_edit", path="crlf", old_text="b", new_text="c")["line"] == 2
    assert here.files["crlf"] == b"a\r\nc\r\n\xff", "all else is as it was"
    here.done("file_edit", path="notes/plan.md", old_text="o", new_text="0", replace_all=True)
    assert here.files["notes/plan.md"] == b"0ne\ntw0\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        ("three", "x", "file_edit.not_found", "old_text: it does not stand in 'notes/plan.md'; file_read shows"),
        ("two  ", "x", "file_edit.not_found", "it does without the blanks"),
        ("o", "x", "file_edit.not_unique", "old_text: it stands 2 times in 'notes/plan.md', first in line 1, 2"),
        ("one", "one", "file_edit.nothing", "new_text: it is the same"),
    ],
)
def test_an_edit_that_is_not_clear_changes_nothing(old: str, new: str, code: str, told: str) -> None:
    found = session().refused("file_edit", path="notes/plan.md", old_text=old, new_text=new)
    assert found[0] == code and told in found[1]


def test_an_edit_is_based_on_the_file_that_it_was_shown_and_a_write_is_not() -> None:
    was = hashlib.sha256(FILES["a.csv"]).hexdigest()
    assert session().call("file_edit", path="a.csv", old_text="1", new_text="2").based_on == {"a.csv": was}
    assert session().call("file_write", path="a.csv", content="", mode="append").based_on == {"a.csv": was}
    assert session().call("file_write", path="new", content="", mode="append").based_on == {"new": None}
    assert session().call("file_delete", path="a.csv").based_on == {"a.csv": was}
    assert session().call("file_write", path="a.csv", content="").based_on == {}


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        ({"path": "a.csv"}, ["notes/deep/.hidden", "notes/deep/x.csv", "notes/plan.md"]),
        ({"path": "notes", "recursive": True}, ["a.csv"]),
        ({"path": "notes/", "pattern": "*.md"}, ["a.csv", "notes/deep/.hidden", "notes/deep/x.csv"]),
        ({"path": ".", "pattern": "*.csv"}, ["notes/deep/.hidden", "notes/deep/x.csv", "notes/plan.md"]),
        ({"path": ".", "pattern": "*.csv", "recursive": True}, ["notes/deep/.hidden", "notes/plan.md"]),
    ],
)
def test_deleting_takes_what_is_named(arguments: dict[str, Any], left: list[str]) -> None:
    here = session()
    found = here.done("file_delete", **arguments)
    assert sorted(here.files) == left and found["count"] == 4 - len(left)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"path": "notes"}, "workspace.is_folder"),
        ({"path": ".", "recursive": True}, "workspace.is_folder"),
        ({"path": "notes", "pattern": "*.txt", "recursive": True}, "file.not_found"),
        ({"path": "nothing"}, "file.not_found"),
    ],
)
def test_deleting_more_than_was_named_is_refused(arguments: dict[str, Any], code: str) -> None:
    assert session().refused("file_delete", **arguments)[0] == code


def test_a_listing_shows_one_level_or_all_and_hides_dots() -> None:
    here = session()
    assert [each["path"] for each in here.done("file_list")["files"]] == ["a.csv", "notes"]
    deep = here.done("file_list", path="notes", recursive=True)["files"]
    assert [each["path"] for each in deep] == ["notes/deep/x.csv", "notes/plan.md"]
    hidden = here.done("file_list", path="notes", recursive=True, include_hidden=True, pattern="deep/*")["files"]
    assert [each["path"] for each in hidden] == ["notes/deep/.hidden", "notes/deep/x.csv"]
    assert here.refused("file_list", path="a.csv")[0] == "file.not_a_folder"
    many = Session({f"{n}": b"" for n in range(600)}).done("file_list")
    assert (len(many["files"]), many["count"], many["truncated"]) == (500, 600, True)


@pytest.mark.parametrize(
    ("tool", "arguments", "field"),
    [
        ("file_read", {}, "path"),
        ("file_read", {"path": "a", "offset": -1}, "offset"),
        ("file_read", {"path": "a", "encoding": "rot13"}, "encoding"),
        ("file_write", {"path": "a"}, "content"),
        ("file_search", {"query": "x" * 201}, "query"),
        ("file_search", {"query": "x", "context_lines": 6}, "context_lines"),
        ("diff_files", {"path_a": "a", "path_b": "b", "context_lines": 21}, "context_lines"),
        ("json_query", {"path": "a", "expression": "b", "max_results": 1001}, "max_results"),
        ("statistics", {"data": ["1"], "operation": "mean"}, "data.0"),
        ("statistics", {"data": [1], "operation": "range"}, "operation"),
        ("extract_text", {"text": "x", "format": "pdf"}, "format"),
    ],
)
def test_bad_arguments_are_named(tool: str, arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        TOOLS.validate(tool, arguments)
    assert caught.value.field == field


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1, max_size=4
)
PATHS = st.lists(st.sampled_from(["..", ".", "", "a", "b", "/", "workspace", "data"]) | NAMES, max_size=5).map("/".join)


@settings(max_examples=60, deadline=None)
@given(PATHS, PATHS, st.sampled_from(["*", "a*", "*/*", "../*"]))
def test_whatever_is_listed_or_written_is_one_of_the_sessions_files(path: str, other: str, pattern: str) -> None:
    here = Session({"a/b": b"1", "a/c/d": b"2", "e": b"3"}, {"f": b"4"})
    written = here.call("file_write", path=path or "x", content=other)
    assert all(".." not in name.split("/") and not name.startswith("/") for name in written.changed)
    found = here.call("file_list", path=path, pattern=pattern, recursive=True, include_hidden=True)
    assert {each["path"] for each in found.output.get("files", [])} <= {*here.files, "/data/f"}
