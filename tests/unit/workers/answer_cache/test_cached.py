"""What is kept comes back as it was; what another release has kept is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from workers.answer_cache.cached import Cached
from workers.gateway.types import ModelReply, ToolCall, Usage

REPLY = ModelReply(
    text="Four.",
    provider="openai",
    model="gpt-4o-mini",
    usage=Usage(12, 5, cached_tokens=3),
    finish_reason="tool_calls",
    tool_calls=(ToolCall("c1", "add", {"a": 2}, '{"a": 2}'), ToolCall("c2", "add", None, "{")),
    blocks=({"type": "thinking", "signature": "s"},),
)
KEPT = Cached.of(REPLY, cost_usd=Decimal("0.00000480"), answered_at=datetime(2026, 3, 1, 12, tzinfo=UTC))


def test_it_comes_back_as_it_was() -> None:
    assert Cached.of_json(json.loads(json.dumps(KEPT.to_json()))) == KEPT


def test_its_reply_costs_nothing_and_says_the_same() -> None:
    reply = KEPT.reply()
    assert reply.usage == Usage()
    assert (reply.text, reply.tool_calls, reply.blocks) == (REPLY.text, REPLY.tool_calls, REPLY.blocks)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {**KEPT.to_json(), "newer": 1},
        {**KEPT.to_json(), "cost_usd": "much"},
        {**KEPT.to_json(), "answered_at": "noon"},
        {**KEPT.to_json(), "usage": {"tokens": 1}},
    ],
)
def test_another_form_is_none(body: Any) -> None:
    assert Cached.of_json(body) is None
