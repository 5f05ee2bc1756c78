"""What the loop does to a conversation that has become long, and to the last one."""

from __future__ import annotations

import json

from workers.gateway.types import Message
from workers.loop_limits import Stop
from workers.loop_prompts import chars_of, closing, cut_results

STOP = Stop("turns", "tools were called in 3 turns, as many as may")


def tool(text: str) -> Message:
    return {"role": "tool", "tool_call_id": "c", "content": text}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def test_results_are_whole_until_their_limit_and_noted_after_it() -> None:
    cut = cut_results([user("q" * 500), tool("a" * 60), tool("b" * 60), tool("c" * 60)], 100)
    assert cut[0]["content"] == "q" * 500 and cut[1]["content"] == "a" * 60
    assert (cut[2]["content"] or "").count("b") == 40 and "20 of 60 characters left out" in (cut[2]["content"] or "")
    assert "ccc" not in (cut[3]["content"] or "") and "60 of 60" in (cut[3]["content"] or "")


def test_at_the_end_the_agent_is_told_why() -> None:
    told = closing([user("q"), tool("r")], STOP, 10_000)
    assert told[:2] == [user("q"), tool("r")] and told[2]["role"] == "user"
    assert STOP.why in (told[2]["content"] or "") and "Answer now" in (told[2]["content"] or "")


def test_what_does_not_fit_is_left_out_the_oldest_first() -> None:
    told = closing([user("q"), tool("a" * 400), tool("b" * 400), tool("c" * 400)], STOP, 1200)
    assert json.loads(told[1]["content"] or "")["left_out"].startswith("400 characters")
    assert told[3]["content"] == "c" * 400 and chars_of(told) <= 1200
