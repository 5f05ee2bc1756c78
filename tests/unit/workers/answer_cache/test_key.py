"""Whoever asks for something else, or is somebody else, has another key; how it is written down doesn't matter."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workers.answer_cache.key import TRAVEL, TRAVEL_OPTIONS, answer_key, scope_key
from workers.gateway.types import FileRef, Message, ModelRequest
from workers.options import Options

ACME, GLOBEX = UUID(int=1), UUID(int=2)
TOOL = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "required": ["a"]}}
SAID: list[Message] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}]
REQUEST = ModelRequest(purpose="complete", provider="", model="", messages=SAID, query="What is 2 + 2?")
OPTIONS = Options(tier="small")

few = settings(max_examples=20)
texts = st.text(max_size=20)
messages = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": st.none() | texts},
        optional={"parts": st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}), max_size=2)},
    ),
    min_size=1,
    max_size=3,
)
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "purpose": st.sampled_from(["plan", "turn", "synthesise"]),
    "messages": messages,
    "query": texts,
    "files": st.just((FileRef("a.csv", "text/csv", 3, "a,b"),)),
    "tools": st.lists(
        st.fixed_dictionaries({"name": texts, "description": texts, "parameters": st.just({})}), min_size=1
    ),
    "may_call": st.just(False),
    "subtasks": st.integers(1, 5),
    "max_tokens": st.integers(1, 9999),
    "temperature": st.floats(0, 2),
    "schema": st.dictionaries(texts, texts),
    "effort": st.sampled_from(["low", "medium", "high"]),
}
OPTION_CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "tier": st.sampled_from(["medium", "large"]),
    "model": texts,
    "provider": texts,
    "strategy": texts,
    "temperature": st.floats(0, 2),
    "max_tokens": st.integers(1, 9999),
    "schema": st.dictionaries(texts, texts),
    "effort": st.sampled_from(["low", "medium", "high"]),
}


def test_every_parameter_either_counts_or_is_one_of_travel() -> None:
    assert {field.name for field in fields(ModelRequest)} == set(CHANGES) | TRAVEL
    assert {field.name for field in fields(Options)} == set(OPTION_CHANGES) | TRAVEL_OPTIONS


@pytest.mark.parametrize("name", CHANGES)
@few
@given(data=st.data())
def test_another_parameter_is_another_key(name: str, data: st.DataObject) -> None:
    value = data.draw(CHANGES[name])
    assume(value != getattr(REQUEST, name))
    assert answer_key(ACME, replace(REQUEST, **{name: value}), OPTIONS) != answer_key(ACME, REQUEST, OPTIONS)


@pytest.mark.parametrize("name", OPTION_CHANGES)
@few
@given(data=st.data())
def test_another_wish_is_another_key(name: str, data: st.DataObject) -> None:
    value = data.draw(OPTION_CHANGES[name])
    assume(value != getattr(OPTIONS, name))
    assert answer_key(ACME, REQUEST, replace(OPTIONS, **{name: value})) != answer_key(ACME, REQUEST, OPTIONS)


@few
@given(st.uuids(), st.uuids(), messages)
def test_another_tenant_is_another_key(one: UUID, other: UUID, said: list[Message]) -> None:
    assume(one != other)
    request = replace(REQUEST, messages=said)
    assert answer_key(one, request, OPTIONS) != answer_key(other, request, OPTIONS)
    assert scope_key(one, request, OPTIONS) != scope_key(other, request, OPTIONS)


@few
@given(messages)
def test_the_order_of_names_and_the_kind_of_list_do_not_matter(said: list[Message]) -> None:
    request = replace(REQUEST, messages=said, tools=[TOOL], schema={"a": 1, "b": {"c": 2, "d": 3}})
    other = replace(request, messages=_shuffled(said), tools=(TOOL,), schema=_shuffled(request.schema))
    assert answer_key(ACME, other, OPTIONS) == answer_key(ACME, request, OPTIONS)
    assert scope_key(ACME, other, OPTIONS) == scope_key(ACME, request, OPTIONS)


def test_how_it_travels_does_not_matter() -> None:
    elsewhere = replace(REQUEST, provider="openai", model="m", cache="1h", api_key="k", timeout_s=1.0)
    told = replace(OPTIONS, cache="1h", hedge=True, hedge_s=1.0, timeout_s=1.0)
    assert answer_key(ACME, elsewhere, told) == answer_key(ACME, REQUEST, OPTIONS)


@few
@given(texts, texts)
def test_a_scope_is_one_for_all_last_questions(one: str, other: str) -> None:
    def asking(text: str) -> ModelRequest:
        return replace(REQUEST, messages=[*SAID, {"role": "user", "content": text}], query=text)

    assert scope_key(ACME, asking(one), OPTIONS) == scope_key(ACME, asking(other), OPTIONS)
    assert scope_key(ACME, asking(one), OPTIONS) != answer_key(ACME, asking(one), OPTIONS)


@pytest.mark.parametrize("name", sorted(set(CHANGES) - {"messages", "query"}))
@few
@given(data=st.data())
def test_a_scope_is_another_for_all_else(name: str, data: st.DataObject) -> None:
    value = data.draw(CHANGES[name])
    assume(value != getattr(REQUEST, name))
    assert scope_key(ACME, replace(REQUEST, **{name: value}), OPTIONS) != scope_key(ACME, REQUEST, OPTIONS)


def test_what_was_said_before_the_question_counts_for_its_scope() -> None:
    other: list[Message] = [{"role": "system", "content": "Be long."}, SAID[1]]
    assert scope_key(ACME, replace(REQUEST, messages=other), OPTIONS) != scope_key(ACME, REQUEST, OPTIONS)


def _shuffled(body: Any) -> Any:
    """Names the other way round, and tuples for lists."""
    if isinstance(body, dict):
        return {name: _shuffled(body[name]) for name in reversed(body)}
    return tuple(_shuffled(item) for item in body) if isinstance(body, list) else body
