"""Which results may serve again, for what, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sandbox.keeper import Artifact
from tests.support.far_tool import FarTool, SharedFarTool
from workers.toolbox.kept_result import KeptResult, may_keep, result_key
from workers.toolbox.tool import ToolResult

ACME, NOW = uuid4(), datetime.now(UTC)
ARTIFACT = Artifact("a.txt", "text/plain", b"x")


@pytest.mark.parametrize(
    ("change", "may"),
    [
        ({}, True),
        ({"cache_s": 0}, False),
        ({"effect": "acts"}, False),
        ({"effect": "acts", "branch": "web_search"}, True),
        ({"dangerous": True}, False),
        ({"uses_workspace": True}, False),
    ],
)
def test_only_what_reads_or_computes_and_says_so_is_kept(change: dict[str, Any], may: bool) -> None:
    assert may_keep(SharedFarTool(**change)) is may


def key(**change: Any) -> str:
    given: dict[str, Any] = {"tenant": ACME, "tool": FarTool(), "arguments": {"a": 1, "b": [1, 2]}, "files": {}}
    return result_key(**{**given, **change})


def test_the_order_of_arguments_changes_nothing_and_all_else_does() -> None:
    assert key() == key(arguments={"b": [1, 2], "a": 1})
    others = [
        key(tenant=uuid4()),
        key(arguments={"a": 1, "b": [2, 1]}),
        key(tool=FarTool(version="2")),
        key(tool=FarTool(name="near")),
        key(tool=FarTool(description="Another")),
        key(files={"a.csv": b"1"}),
        key(files={"a.csv": b"2"}),
    ]
    assert len({key(), *others}) == 1 + len(others)


@pytest.mark.parametrize(
    "result",
    [
        ToolResult.failure("far.no", "no"),
        ToolResult.success({}, (ARTIFACT,)),
        ToolResult(True, {}, changed={"a": b""}),
        ToolResult(True, {}, deleted=("a",)),
    ],
)
def test_failures_and_what_left_files_are_not_kept(result: ToolResult) -> None:
    assert KeptResult.of(SharedFarTool(), result, NOW) is None


def test_it_is_read_as_it_was_written_and_another_form_is_nothing() -> None:
    kept = KeptResult.of(SharedFarTool(), ToolResult.success({"said": "ü"}), NOW - timedelta(seconds=10))
    assert kept and KeptResult.of_json(kept.to_json()) == kept and kept.result("exact").cached == "exact"
    for other in (None, [], {}, {**kept.to_json(), "more": 1}, {**kept.to_json(), "answered_at": "soon"}):
        assert KeptResult.of_json(other) is None
