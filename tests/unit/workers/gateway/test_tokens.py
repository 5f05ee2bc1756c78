"""The bound for holds is never below what a byte-level tokenizer can make of a prompt."""

from __future__ import annotations

import base64

import pytest
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


def said(*parts: dict[str, str]) -> list[dict]:
    return [{"role": "user", "content": "", "parts": list(parts)}]


@given(texts)
def test_text_in_parts_counts_as_much_as_other_text(text):
    assert prompt_upper_bound(said({"type": "text", "text": text}), []) >= size(text)


@pytest.mark.parametrize(
    ("model", "dearest"),
    [
        ("claude-opus-5-5", 4_784),
        ("gpt-4o", 85 + 8 * 170),
        ("gpt-4o-mini", 2_833 + 8 * 5_667),
        ("openai/gpt-4o-mini-2024-07-18", 48_169),
    ],
)
def test_an_image_counts_at_what_it_may_cost_and_not_by_its_bytes(model, dearest):
    small, large = (said({"type": "image", "media_type": "image/png", "data": "A" * n}) for n in (4, 4_000_000))
    assert prompt_upper_bound(small, [], model=model) == prompt_upper_bound(large, [], model=model) >= dearest
    assert prompt_upper_bound(small, []) >= prompt_upper_bound(small, [], model=model)


@given(st.binary(max_size=200))
def test_a_file_counts_by_its_bytes_and_one_of_a_page_at_what_a_page_costs(body):
    data = base64.b64encode(body).decode()
    bound = prompt_upper_bound(said({"type": "file", "media_type": "text/csv", "name": "a.csv", "data": data}), [])
    assert bound >= len(body) + 3_000 + 4_784


@given(st.dictionaries(texts, texts))
def test_a_schema_counts_as_parameter_and_in_the_prompt(schema):
    least = 2 * sum(size(key) + size(value) for key, value in schema.items())
    asked = [{"role": "user", "content": "Why?"}]
    assert prompt_upper_bound(asked, [], schema) >= prompt_upper_bound(asked, []) + least


def test_what_is_held_for_a_request_covers_its_schema(request_of):
    assert upper_bound(request_of(schema={})).prompt_tokens > upper_bound(request_of()).prompt_tokens
