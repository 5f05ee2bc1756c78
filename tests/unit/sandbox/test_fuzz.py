"""Whatever is said to the host, by a child that lies or by code in the guest: only the documented errors, no way outside."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import posixpath
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.errors import FilesRefused, JobRefused
from sandbox.folders import Folders
from sandbox.frames import HEADER, Frame, pack, receive, unpack
from sandbox.job import Job, check_job, pack_job, read_job
from sandbox.limits import Limits
from sandbox.names import check_artifact, clash, is_path
from sandbox.outcome import STATUSES, Outcome, read_news, read_outcome
from sandbox.process import Child
from sandbox.runtime import read_answer
from sandbox.said import Said
from sandbox.verdict import verdict

SMALL = Limits(
    wall_s=5, output_bytes=40, artifact_bytes=30, artifacts=2, emits=6, workspace_bytes=40, workspace_files=3, fuel=9
)
QUICK = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))

# Letters that names, terminals, databases and JSON stumble over come often.
odd = st.text(st.sampled_from("ab/.\\-~:= \n\t\0\x07\x1b\x7f\u202e\u200b\ud800\udcff\u20acé\U0001f600"), max_size=12)
names = (
    odd
    | st.text(max_size=8)
    | st.sampled_from(["..", "../x", "/etc/passwd", "a/../../x", "a//b", "./a", "-rf", "x" * 300])
)
numbers = st.integers() | st.floats() | st.booleans()
leaves = st.none() | numbers | names
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
words = st.lists(st.sampled_from(["a", "a/b", "b", "c"]) | names | values, max_size=4)
labels = st.lists(st.tuples(names | st.just("a.svg"), names | st.just("image/svg+xml")).map(list) | values, max_size=3)
lies = st.dictionaries(
    st.sampled_from(
        ["status", "stdout", "value", "artifacts", "files", "deleted", "left_out", "wall_s", "fuel", "memory_bytes"]
    ),
    leaves | words | labels,
    max_size=1,
)
paths = st.lists(st.sampled_from(["a", "a/b", "b", "c"]) | names, max_size=2)
files = st.lists(names.filter(lambda name: "/" not in name) | st.just("a.svg"), max_size=2)


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[bytes]]:
    """One that could be honest but for its names, and often with a lie in it."""
    made, kept = draw(files), draw(paths)
    honest = {
        "status": draw(st.sampled_from(STATUSES)),
        "stdout": draw(odd),
        "stderr": draw(odd),
        "value": draw(odd | st.none()),
        "error": draw(odd | st.none()),
        "artifacts": [[name, "image/svg+xml"] for name in made],
        "files": kept,
        "deleted": draw(paths),
        "left_out": draw(paths),
        "wall_s": draw(st.floats(0, 9)),
        "memory_bytes": draw(st.none() | st.integers(0, 9)),
        "fuel": draw(st.none() | st.integers(0, 9)),
    }
    return honest | draw(lies), [draw(st.binary(max_size=12)) for _ in made + kept]


workspaces = st.dictionaries(st.sampled_from(["a", "a/b", "b", "c d"]) | names, st.binary(max_size=9), max_size=2)


def check(outcome: Outcome) -> None:
    texts = [outcome.stdout, outcome.stderr, outcome.value or "", outcome.error or "", *outcome.left_out]
    assert "\0" not in "".join(texts)
    "".join(texts).encode()
    assert outcome.status in STATUSES
    assert sum(map(len, texts[:3])) <= SMALL.output_bytes and len(outcome.files) <= SMALL.workspace_files
    assert 0 <= outcome.wall_s <= 1e308 and 0 <= (outcome.fuel or 0) <= 9 and (outcome.memory_bytes or 0) >= 0
    assert all(map(inside, outcome.files)) and clash(outcome.files) is None
    for made in outcome.artifacts:
        check_artifact(made.name, made.media_type)
        assert posixpath.basename(made.name) == made.name


def inside(path: str) -> bool:
    """Below the workspace however it is joined, and fit to be shown."""
    whole = posixpath.normpath(posixpath.join("/workspace", path))
    return whole == f"/workspace/{path}" and path.isprintable() and len(os.fsencode(path)) <= 1024


@QUICK
@given(answers(), workspaces)
def test_an_answer_is_an_outcome_within_the_limits_or_refused(answer: Any, workspace: Any) -> None:
    value, given = answer
    with contextlib.suppress(ValueError):
        outcome = read_outcome(Frame(value, tuple(given)), workspace, SMALL)
        assert set(outcome.deleted) <= set(workspace)
        check(outcome)


@QUICK
@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()), st.binary(max_size=9))
def test_bytes_are_a_frame_or_refused(body: bytes, rest: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert sum(map(len, unpack(body, rest).blobs)) == len(rest)


@pytest.mark.parametrize("depth", [*range(900, 1000, 4), 10_000])
@pytest.mark.parametrize("key", ["left_out", "files", "artifacts", "stdout"])
def test_data_nested_as_deeply_as_can_be_read_is_refused_as_well(depth: int, key: str) -> None:
    answer = {"status": "ok", key: "DEEP", "stderr": "", "value": None, "error": None, "deleted": [], "wall_s": 0.1}
    body = json.dumps({"value": answer, "sizes": []}).replace('"DEEP"', "[" * depth + "]" * depth)
    with pytest.raises(ValueError):
        read_outcome(unpack(body.encode(), b""), {}, SMALL)


@QUICK
@given(
    st.dictionaries(
        st.just("news") | names, values | st.lists(st.tuples(names, names).map(list), max_size=3), max_size=2
    )
)
def test_news_is_texts_or_refused(value: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        assert all(kind in ("stdout", "stderr") and text and "\0" not in text for kind, text in read_news(Frame(value)))


frames = st.one_of(
    st.builds(lambda answer: b"".join(pack(*answer)), answers()),
    st.builds(lambda news: b"".join(pack({"news": news})), values),
    st.builds(
        lambda sizes, body: HEADER.pack(*sizes) + body,
        st.tuples(*[st.integers(0, 2**32 - 1)] * 2),
        st.binary(max_size=30),
    ),
    st.binary(max_size=30),
)


@QUICK
@given(st.lists(frames, max_size=3))
def test_a_child_may_say_anything_and_its_job_has_an_outcome(said: list[bytes]) -> None:
    heard: list[str] = []
    outcome = asyncio.run(told(b"".join(said), heard))
    check(outcome)
    assert len("".join(heard)) <= 3 * SMALL.output_bytes


async def told(said: bytes, heard: list[str]) -> Outcome:
    """What the keeper makes of it. Only the pipes are stand-ins."""
    reader, killed = asyncio.StreamReader(), SimpleNamespace(returncode=0, pid=0)
    reader.feed_data(said)
    reader.feed_eof()

    async def drained() -> None:
        return None

    killed.stdout, killed.stdin = reader, SimpleNamespace(writelines=len, drain=drained)
    child = Child(cast(asyncio.subprocess.Process, killed), Path())
    return await child.ask(Job("1"), SMALL, lambda _, text: heard.append(text))


@QUICK
@given(st.lists(st.tuples(st.sampled_from(["stdout", "value", "continue", "artifact:a/b:c"]) | names, odd), max_size=9))
def test_code_may_emit_anything_and_the_host_function_never_raises(pieces: list[tuple[str, str]]) -> None:
    said = Said(SMALL, lambda: None)
    assert all(isinstance(said.emit(None, kind, text), str) for kind, text in pieces)
    assert sum(len(said.text(kind) or "") for kind in ("stdout", "stderr", "value")) <= SMALL.output_bytes
    assert (
        len(said.artifacts) == len(said.blobs) <= SMALL.artifacts and sum(map(len, said.blobs)) <= SMALL.artifact_bytes
    )
    for name, media_type in said.artifacts:
        check_artifact(name, media_type)


@QUICK
@given(names | values.map(json.dumps), names | st.none(), st.booleans())
def test_a_forged_answer_still_comes_to_a_verdict(text: str, exceeded: str | None, late: bool) -> None:
    status, _ = verdict(read_answer(text), exceeded=exceeded, late=late, limits=SMALL)
    assert status in STATUSES


@QUICK
@given(names)
def test_a_path_that_is_taken_stays_inside(path: str) -> None:
    assert not is_path(path) or inside(path)


@QUICK
@given(
    files=st.dictionaries(names, st.binary(max_size=9), max_size=3),
    workspace=workspaces,
    environment=st.dictionaries(names, names, max_size=2),
    clock=st.none() | st.floats(),
    code=odd,
)
def test_a_job_is_refused_or_laid_inside_its_folders(
    tmp_path_factory: pytest.TempPathFactory,
    files: Any,
    workspace: Any,
    environment: Any,
    clock: float | None,
    code: str,
) -> None:
    job = Job(code, files=files, workspace=workspace, environment=environment, clock=clock)
    try:
        check_job(job, SMALL)
    except (FilesRefused, JobRefused):
        return
    head, *rest = pack_job(job, SMALL, listening=True)
    asked = read_job(unpack(head[HEADER.size :], b"".join(rest)))
    assert (asked.files, asked.workspace) == (dict(files), dict(workspace))
    place = tmp_path_factory.mktemp("job")
    with contextlib.chdir(place):
        folders = Folders()
        folders.lay(asked.files, asked.workspace)
        laid = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        assert laid == {f"data/{name}" for name in files} | {f"workspace/{path}" for path in workspace}
        folders.clear()
        assert not [path for path in place.rglob("*") if path.is_file()]


async def test_no_header_makes_the_keeper_wait_for_more_than_the_limit() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(HEADER.pack(2**32 - 1, 2**32 - 1))
    with pytest.raises(ValueError, match="the limit is"):
        await receive(reader, SMALL.answer_bytes())
