"""Vectors without a model: texts that share words are near each other."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.providers.offline.embed import vector
from workers.gateway.providers.offline.provider import OfflineProvider
from workers.gateway.types import EmbedRequest


def near(one: str, other: str) -> float:
    return sum(a * b for a, b in zip(vector(one), vector(other), strict=True))


def test_shared_words_are_near_and_case_and_order_make_no_difference():
    assert near("penguins weigh more", "Penguins weigh less") > 0.5 > near("penguins weigh", "tax returns")
    assert math.isclose(near("a penguin swims", "Swims: a PENGUIN"), 1)


@given(st.text(max_size=40), st.integers(1, 40))
def test_every_text_has_a_vector_of_length_one(text, dimensions):
    found = vector(text, dimensions)
    assert len(found) == dimensions and math.isclose(math.hypot(*found), 1)


async def test_the_provider_answers_in_the_order_of_the_texts():
    reply = await OfflineProvider().embed(EmbedRequest("offline", "words", ["one", "two three"], dimensions=16))
    assert reply.vectors == [vector("one", 16), vector("two three", 16)]
    assert reply.usage.prompt_tokens == 3
