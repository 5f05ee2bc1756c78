"""The bound for holds is never below what a byte-level tokenizer can make of a prompt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.tokens import BoundUsage, prompt_upper_bound, upper_bound

texts = st.text(max_size=300)
messages = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": texts}), min_size=1
)
tools = st.lists(
    st.fixed_dictionaries({"name": texts, "description": texts, "parameters": st.dictionaries(texts, texts)}),
    max_size=3,
)


def size(text: str) -> int:
    """As many tokens as there are bytes is the most that a tokenizer with one token per byte can make."""
    return len(text.encode("utf-8", "surrogatepass"))


@given(messages, tools)
def test_the_bound_is_at_least_the_bytes_of_all_texts_and_a_frame_for_each(told, offered):
    least = sum(size(m["content"]) + size(m["role"]) + 4 for m in told)
    least += sum(size(t["name"]) + size(t["description"]) + 16 for t in offered)
    least += sum(size(key) + size(value) for t in offered for key, value in t["parameters"].items())
    assert prompt_upper_bound(told, offered) >= least + 3


@given(messages, messages, tools)
def test_more_messages_never_lower_the_bound(first, more, offered):
    assert prompt_upper_bound([*first, *more], offered) > prompt_upper_bound(first, offered)


def test_calls_and_their_arguments_count_too():
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "x" * 500}}
    with_call = prompt_upper_bound([{"role": "assistant", "content": None, "tool_calls": [call]}], [])
    assert with_call > 500


def test_usage_that_nobody_reports_is_the_worst_case_and_says_so(request_of):
    request = request_of(max_tokens=77)
    assert upper_bound(request) == BoundUsage(prompt_upper_bound(request.messages, ()), 77)
