"""Which calls have a question that another may be alike to."""

from __future__ import annotations

from typing import Any

import pytest

from workers.answer_cache.semantic import question_of
from workers.gateway.types import ModelRequest

ASKED = {"role": "user", "content": "What is it?"}
TOOL = {"name": "clock", "description": "", "parameters": {}}


def request(*messages: Any, **more: Any) -> ModelRequest:
    return ModelRequest(purpose="complete", provider="", model="", messages=messages, query="", **more)


def test_it_is_the_last_thing_that_the_user_said() -> None:
    assert question_of(request({"role": "system", "content": "Be brief."}, ASKED)) == "What is it?"


@pytest.mark.parametrize(
    "other",
    [
        request(),
        request(ASKED, {"role": "assistant", "content": "What?"}),
        request({**ASKED, "parts": [{"type": "image"}]}),
        request({"role": "user", "content": " "}),
        request({"role": "user", "content": "x" * 2001}),
        request(ASKED, tools=[TOOL]),
        request(ASKED, files=["a.csv"]),
    ],
)
def test_a_question_that_is_more_than_a_short_text_has_none(other: ModelRequest) -> None:
    assert question_of(other) is None
