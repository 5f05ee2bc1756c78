"""Which calls may share an answer, and which answers are worth keeping."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from workers.answer_cache.rules import may_share, worth_keeping
from workers.gateway.types import ModelReply, ModelRequest, ToolCall, ToolSpec, Usage

REQUEST = ModelRequest(purpose="turn", provider="", model="", messages=[], query="")
REPLY = ModelReply("Four.", "openai", "m", Usage(1, 1), "stop")


def tool(name: str) -> ToolSpec:
    return {"name": name, "description": "", "parameters": {}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"temperature": 0.0}, True),
        ({"temperature": 0.3}, True),
        ({"temperature": 0.31}, False),
        ({"schema": {}}, False),
        ({"tools": [tool("counts")]}, True),
        ({"tools": [tool("counts"), tool("acts")]}, False),
        ({"tools": [tool("acts")], "may_call": False}, True),
        ({"tools": [tool("counts")], "purpose": "complete"}, False),
        ({"tools": [tool("counts")], "purpose": "complete", "may_call": False}, True),
    ],
)
def test_a_call_may_share_an_answer(change: dict[str, Any], expected: bool) -> None:
    request = replace(REQUEST, **change)
    assert may_share(request, acts=lambda name: name == "acts", temperature_most=0.3) is expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"finish_reason": "tool_calls", "text": "", "tool_calls": (ToolCall("c", "counts", {}, "{}"),)}, True),
        ({"finish_reason": "length"}, False),
        ({"finish_reason": "content_filter"}, False),
        ({"finish_reason": "a reason that nobody knows"}, False),
        ({"text": ""}, False),
    ],
)
def test_an_answer_is_worth_keeping(change: dict[str, Any], expected: bool) -> None:
    assert worth_keeping(replace(REPLY, **change)) is expected
