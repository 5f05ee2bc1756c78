"""What a task's events say of a prompt."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.support.claimed import claimed
from workers.gateway.types import ModelChoice, ModelRequest, Price
from workers.model_told import PROMPT_LIMIT_CHARS, prompt_told

CHOICE = ModelChoice("acme", "plain-1", "small", Price(Decimal(1), Decimal(2)), 100)
IMAGE = {"type": "image", "media_type": "image/png", "data": "iVBORw0K"}
PDF = {"type": "file", "media_type": "application/pdf", "name": "sum.pdf", "data": "JVBERi0="}
CALL = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 2}'}}


def told(message: dict[str, Any]) -> str:
    """Of the last message of a prompt."""
    said: Any = [{"role": "system", "content": "s"}, message]
    request = ModelRequest("complete", "acme", "plain-1", said, query="")
    return next(each["message"] for each in prompt_told(claimed(), CHOICE, request) if each["type"] == "LLM_PROMPT")


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"role": "user", "content": "Why?"}, "Why?"),
        ({"role": "user", "content": None, "parts": [IMAGE]}, "[image, image/png]"),
        ({"role": "user", "content": "", "parts": [IMAGE, PDF]}, "[image, image/png]\n[sum.pdf, application/pdf]"),
        (
            {"role": "user", "content": "See", "parts": [{"type": "text", "text": "See"}, IMAGE]},
            "See\n[image, image/png]",
        ),
        ({"role": "assistant", "content": None, "tool_calls": [CALL]}, 'add({"a": 2})'),
        ({"role": "user", "content": "x" * 6000}, "x" * PROMPT_LIMIT_CHARS),
    ],
)
def test_the_event_says_what_is_in_the_last_message_and_of_files_what_they_are(message: Any, shown: str) -> None:
    assert told(message) == shown
