"""What is done in a process of its own: right, and ended when it is late or large, whatever it reads."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.frames import Frame, pack, read_frame
from sandbox.limits import MIB
from tests.support import escaping_work
from tests.unit.workers.toolbox.builtin.files import Session
from workers.toolbox.aside import diff, extract, query, search
from workers.toolbox.aside.start import ROOT, Aside
from workers.toolbox.refused import Refused

DOUBLES = " | ".join(["[@, @][]"] * 60)
LINES = st.lists(st.sampled_from(["a", "b", "c", "", "a\r", "é"]), max_size=8)
TEXTS = st.tuples(LINES, st.booleans()).map(lambda parts: "\n".join(parts[0]) + "\n" * parts[1])
PAGE = b"""<html><head><title>Tides &amp; moons</title></head><body>
<nav><a href="/home">Home</a> <a href="javascript:steal()">Menu</a></nav>
<article><h1>Tides</h1><p>%s</p><p>See <a href="https://example.org/moon">the moon</a>.</p></article>
<script>alert("hidden")</script></body></html>""" % (b"The sea rises twice a day, and falls as often. " * 12)


def refusal(aside: Aside, work: str, asked: dict[str, object], *blobs: bytes) -> str:
    with pytest.raises(Refused) as caught:
        asyncio.run(aside.do(work, asked, blobs))
    return caught.value.code


def patched(before: str, delta: str) -> str:
    """By the plain rules of a unified diff whose context is the whole file."""
    if not delta:
        return before
    kept: list[str] = []
    for line in delta.split("\n")[3:-1]:
        if line.startswith("\\"):
            kept[-1] = kept[-1].removesuffix("\n")
        kept.append("" if line.startswith(("-", "\\")) else line[1:] + "\n")
    # A line that was taken out leaves an empty piece, so that its note on the missing end does not reach further back.
    return "".join(kept)


def test_a_search_finds_lines_with_what_is_around_them() -> None:
    here = Session(
        {"a.py": b"import os\r\n\ndef go():\n    pass\n", "b.txt": b"def\n", "c.bin": b"def\0", "big": b"def" * 200_000}
    )
    found = here.done("file_search", query=r"def \w+", regex=True, context_lines=1)
    assert found["matches"] == [{"path": "a.py", "line": 3, "text": "def go():", "before": [""], "after": ["    pass"]}]
    assert found["skipped"] == {"too_large": ["big"], "not_text": 1} and found["files_searched"] == 2
    found = here.done("file_search", query="def", include="*.txt")
    assert found["matches"] == [{"path": "b.txt", "line": 1, "text": "def"}]


def test_a_search_has_its_limits_and_names_a_bad_pattern() -> None:
    lines = {"text": "x\n" * 50}
    found = search.do(
        {"query": "x", "regex": False, "context": 0, "most": 20, "names": ["t"]}, (lines["text"].encode(),)
    )
    assert (len(found["matches"]), found["truncated"]) == (20, True)
    many = Session({f"{n:04}": b"no" for n in range(1001)}).done("file_search", query="yes")
    assert many["skipped"] == {"too_many": 1} and many["files_searched"] == 1000
    for bad in ("(", "(?=a)", r"(a)\1", "a{2000}"):
        with pytest.raises(Refused, match="query: not a pattern"):
            search.do({"query": bad, "regex": True, "context": 0, "most": 1, "names": []}, ())


def test_no_pattern_takes_more_than_a_pass_over_the_text() -> None:
    started = time.process_time()
    for evil in ("(a+)+$", "(a|a)*b", "(.*a){12}b", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        asked = {"query": evil, "regex": True, "context": 0, "most": 1, "names": ["t"]}
        assert search.do(asked, (b"a" * 400_000 + b"!",))["matches"] == []
    assert time.process_time() - started < 4


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS)
def test_a_diff_makes_the_second_text_of_the_first(before: str, after: str) -> None:
    found = diff.do({"names": ["a", "b"], "context": 20}, (before.encode(), after.encode()))
    assert found["identical"] == (before == after)
    assert patched(before, found["diff"]) == after


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.text("abc\n", max_size=5))
def test_the_diff_of_an_edit_is_the_edit(before: str, old: str, after: str, new: str) -> None:
    here = Session({"was": (before + old + after).encode(), "is": (before + old + after).encode()})
    result = here.call("file_edit", path="is", old_text=old or "x", new_text=new)
    asked = {"names": ["was", "is"], "context": 20}
    found = diff.do(asked, (here.files["was"], here.files["is"]))
    assert (
        found["identical"] != result.ok
        and patched(here.files["was"].decode(), found["diff"]) == here.files["is"].decode()
    )


def test_a_diff_over_the_tool_is_cut_at_500_lines() -> None:
    here = Session({"a": b"same\n", "b": "".join(f"{n}\n" for n in range(900)).encode(), "c": b"\xff"})
    found = here.done("diff_files", path_a="a", path_b="b")
    assert (found["diff"].count("\n"), found["lines"], found["added"], found["removed"]) == (500, 904, 900, 1)
    assert found["truncated"] and here.refused("diff_files", path_a="a", path_b="c")[1].startswith("path_b: 'c' is not")


def test_json_is_queried_in_a_file_an_attachment_and_given_data() -> None:
    here = Session(
        {"o.json": b'{"orders": [{"id": 1, "total": 5}, {"id": 2, "total": 150}]}'}, {"l.json": b"[1, 2, 3]"}
    )
    assert here.done("json_query", path="o.json", expression="orders[?total > `100`].id")["value"] == [2]
    found = here.done("json_query", path="/data/l.json", expression="@", max_results=2)
    assert found == {"ok": True, "value": [1, 2], "count": 3, "truncated": True}
    for both in ({}, {"path": "o.json", "data": {}}):
        assert here.refused("json_query", expression="a", **both)[1].startswith("path or data: ")


@pytest.mark.parametrize(
    ("document", "expression", "code"),
    [
        (b"{", "a", "json_query.document"),
        (b"[NaN]", "@", "json_query.document"),
        (b"[" * 100_000, "@", "json_query.document"),
        (b"[" + b"9" * 5000 + b"]", "@", "json_query.document"),
        (b"{}", "a[", "json_query.expression"),
        (b"{}", "nothing(@)", "json_query.expression"),
        (b"{}", "(" * 1000 + "a" + ")" * 1000, "json_query.expression"),
        (b'[1, "a"]', "sort(@)", "json_query.expression"),
        (b"[1e999]", "@", "json_query.expression"),
        (b"[1]", "&a", "json_query.expression"),
        (b"{}", " | ".join(["[@, @]"] * 60), "json_query.too_large"),
    ],
)
def test_what_can_not_be_queried_is_named(document: bytes, expression: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        query.do({"expression": expression, "most": 10}, (document,))
    assert caught.value.code == code


def test_work_that_is_late_or_large_is_ended() -> None:
    late, large = Aside(within_s=0.3), Aside(within_s=30, memory_bytes=64 * MIB)
    started = time.monotonic()
    assert refusal(late, "query", {"expression": DOUBLES, "most": 1}, b"{}") in ("work.timeout", "work.memory")
    assert refusal(large, "query", {"expression": DOUBLES, "most": 1}, b"{}") == "work.memory"
    assert time.monotonic() - started < 25
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    assert not any(b"aside.child" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children), "none is left"


def test_work_has_no_file_no_network_and_no_environment(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    tmp_path.chmod(0o755)
    folder = tmp_path / "work"
    folder.mkdir(mode=0o755)
    command = [
        sys.executable,
        "-P",
        "-m",
        "workers.toolbox.aside.child",
        "tests.support.escaping_work",
        "10",
        str(512 * MIB),
    ]
    env = {"PYTHONPATH": str(ROOT), "PATH": os.defpath, "SECRET": "s3cret"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asked = {"file": str(secret), "port": listener.getsockname()[1], "pid": os.getpid()}
        done = subprocess.run(
            command, input=b"".join(pack(asked)), capture_output=True, cwd=folder, env=env, timeout=30, check=True
        )
        outside = escaping_work.do(asked, ())
    assert all(outside[way] for way in ("read", "connect", "write", "signal")), "here there is all of it"
    answers = io.BytesIO(done.stdout)
    assert read_frame(answers) == Frame({"ready": True})
    found = read_frame(answers)
    assert found and "done" in found.value, found
    uid = found.value["done"].pop("uid")
    assert found.value["done"] == {"read": False, "connect": False, "write": False, "signal": False, "environment": {}}
    assert uid != 0, "root is given up"


def test_a_page_becomes_its_main_text() -> None:
    here = Session({"tides.html": PAGE})
    found = here.done("extract_text", path="tides.html", include_links=True)
    assert (found["format"], found["title"]) == ("html", "Tides & moons")
    assert (
        "The sea rises twice a day" in found["text"] and "hidden" not in found["text"] and "Menu" not in found["text"]
    )
    assert found["links"] == [{"url": "/home", "text": "Home"}, {"url": "https://example.org/moon", "text": "the moon"}]
    short = here.done("extract_text", path="tides.html", max_chars=100)
    assert (
        len(short["text"]) == 100 and short["truncated"] and short["chars"] == found["chars"] and "links" not in short
    )


def test_markdown_and_plain_text_are_read_without_their_signs() -> None:
    found = extract.do(
        {"format": "markdown", "links": True, "most": 1000},
        (b"# Plan\n\nAsk *Ann*, see [it](http://x).\n\n<b>raw</b>",),
    )
    assert found["title"] == "Plan" and found["text"].startswith("Plan\nAsk Ann, see it.")
    assert found["links"] == [{"url": "http://x", "text": "it"}]
    plain = extract.do({"format": "plain", "links": False, "most": 1000}, (b"\xef\xbb\xbfFirst\nsecond",))
    assert (plain["title"], plain["text"]) == ("First", "First\nsecond")


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"%PDF-1.7", "it is a PDF"), (b"PK\x03\x04", "archive"), (b"\x89PNG", "an image"), (b"\xff\xfe", "UTF-8")],
)
def test_what_is_no_text_is_named(data: bytes, told: str) -> None:
    with pytest.raises(Refused, match=told):
        extract.do({"format": "plain", "links": False, "most": 1000}, (data,))


def test_a_hostile_page_reads_no_file_and_is_no_trouble(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    entity = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}"><!ENTITY b "{"lol" * 99}">]><html><body><p>&e;&b;</p></body></html>'
    assert "s3cret" not in str(Session().call("extract_text", text=entity).output)
    asked = {"format": "html", "links": True, "most": 1000}
    assert extract.do(asked, (b"<div>" * 200 + b"deep",))["text"] == "deep"
    assert extract.do(asked, (b"<div>" * 200_000 + b"deep",))["text"] == "", "deeper than a page is read"
    with pytest.raises(Refused, match="no HTML"):
        extract.do(asked, (b"",))
