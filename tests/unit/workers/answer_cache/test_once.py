"""What others may have of an answer."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from workers.answer_cache.once import worth_sharing
from workers.gateway.types import ModelReply, Usage
from workers.model_told import Answered

REPLY = ModelReply("Four.", "openai", "gpt-4o-mini", Usage(12, 5), "stop")
ANSWERED = Answered(REPLY, Decimal("0.1"), versions={})


def test_an_answer_is_shared_with_what_it_cost() -> None:
    cached = worth_sharing(ANSWERED)
    assert cached and (cached.text, cached.usage, cached.cost_usd) == ("Four.", Usage(12, 5), Decimal("0.1"))


@pytest.mark.parametrize(
    "change",
    [
        {"degraded": True},
        {"reply": replace(REPLY, finish_reason="length")},
        {"reply": replace(REPLY, provider="offline")},
        {"reply": replace(REPLY, provider="gone")},
    ],
)
def test_a_lesser_answer_is_nobody_elses(change: dict[str, Any]) -> None:
    assert worth_sharing(replace(ANSWERED, **change)) is None
