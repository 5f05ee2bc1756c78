"""Whatever we have to tell becomes turns that begin with the user's, with every result in the turn after its call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.providers.anthropic_turns import system_of, turns_of


def call(name: str, raw: str) -> dict:
    return {"id": name, "type": "function", "function": {"name": "look", "arguments": raw}}


def test_the_system_prompt_stands_apart():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    assert system_of(messages) == "Be brief."
    assert turns_of(messages) == [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}]


def test_parallel_calls_are_one_turn_and_their_results_the_next():
    turns = turns_of(
        [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": "  ", "tool_calls": [call("a", '{"at": 1}'), call("b", "{oops")]},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": None},
        ]
    )
    assert turns[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}},
                {"type": "tool_use", "id": "b", "name": "look", "input": {"INVALID_JSON": "{oops"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": ""},
            ],
        },
    ]


def test_blocks_that_were_kept_go_back_without_the_calls_that_were_dropped():
    thought = {"type": "thinking", "thinking": "", "signature": "s"}
    uses = [{"type": "tool_use", "id": name, "name": "look", "input": {}} for name in "ab"]
    message = {"role": "assistant", "content": None, "tool_calls": [call("a", "{}")], "blocks": [thought, *uses]}
    assert turns_of([message])[0]["content"] == [thought, uses[0]]


messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": st.text(max_size=3)})
)


@given(messages)
def test_roles_take_turns_and_no_text_is_blank(told):
    turns = turns_of([{"role": "user", "content": "Why?"}, *told])
    assert [turn["role"] for turn in turns] == [("user", "assistant")[n % 2] for n in range(len(turns))]
    assert all(block["text"].strip() for turn in turns for block in turn["content"])
