"""Chat messages in Anthropic's form and back: turns that alternate, tool blocks, a bill that leaves nothing out."""

from __future__ import annotations

from types import SimpleNamespace as Event
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.providers.anthropic_messages import conversation
from workers.gateway.providers.anthropic_reply import _count, _Parts, _usage
from workers.gateway.types import Usage

ROLES = st.sampled_from(["system", "user", "assistant", "tool"])


@given(st.lists(st.tuples(ROLES, st.text(max_size=20)), max_size=12))
def test_turns_alternate_and_no_text_is_lost(told: list[tuple[str, str]]) -> None:
    messages: list[Any] = [{"role": role, "content": text, "tool_call_id": "c"} for role, text in told]
    system, turns = conversation(messages)
    assert system == "\n\n".join(text for role, text in told if role == "system")
    blocks = [block.get("text", block.get("content")) for turn in turns for block in turn["content"]]
    assert blocks == [text for role, text in told if role == "tool" or (role != "system" and text)]
    assert all(turn["role"] in ("user", "assistant") and turn["content"] for turn in turns)


def test_results_of_parallel_calls_are_one_turn_and_broken_arguments_travel_as_text() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{oops"}}
    other = {"id": "b", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
    results = [{"role": "tool", "tool_call_id": name, "content": "{}"} for name in "ab"]
    _, turns = conversation(
        [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": None, "tool_calls": [call, other]},
            *results,
        ]  # type: ignore[list-item]
    )
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["input"] for block in turns[1]["content"]] == [{"text": "{oops"}, {"x": 1}]
    assert [block["tool_use_id"] for block in turns[2]["content"]] == ["a", "b"]


def test_what_was_read_from_and_written_to_the_providers_cache_counts_as_prompt() -> None:
    parts = _Parts()
    _count(Event(input_tokens=10, output_tokens=1, cache_read_input_tokens=700, cache_creation_input_tokens=90), parts)
    _count(Event(output_tokens=25), parts)
    assert _usage(parts.counts) == Usage(prompt_tokens=800, completion_tokens=25, cached_tokens=700)
