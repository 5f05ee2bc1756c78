"""What asks the same, and above all what doesn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.answer_cache.near_misses import NEAR_MISSES
from tests.unit.workers.answer_cache.paraphrases import PARAPHRASES
from workers.answer_cache.same_question import same_question, wording

KNOWN_SHARE = 0.8
ASKED = sorted({question for pair in (*PARAPHRASES, *NEAR_MISSES) for question in pair})
question = st.sampled_from(ASKED)


@pytest.mark.parametrize(("one", "other"), NEAR_MISSES)
def test_what_only_looks_alike_is_another_question(one: str, other: str) -> None:
    assert not same_question(one, other)
    assert not same_question(other, one)


def test_most_ways_to_ask_the_same_are_known() -> None:
    missed = [pair for pair in PARAPHRASES if not same_question(*pair)]
    known = 1 - len(missed) / len(PARAPHRASES)
    print(f"{known:.0%} of {len(PARAPHRASES)} paraphrases are known; not: {missed}")
    assert known >= KNOWN_SHARE


def test_there_are_enough_of_both() -> None:
    assert len(set(PARAPHRASES)) >= 80 and len(set(NEAR_MISSES)) >= 150


@given(question, question, question)
def test_it_is_the_same_both_ways_and_through_a_third(one: str, other: str, third: str) -> None:
    assert same_question(one, one)
    assert same_question(one, other) == same_question(other, one)
    if same_question(one, other) and same_question(other, third):
        assert same_question(one, third)


@given(question, st.integers(2, 10**6), st.integers(2, 10**6))
def test_another_number_is_another_question(asked: str, one: int, other: int) -> None:
    texts = [f"{asked.rstrip('?.!')} for {number} people?" for number in (one, other)]
    assert same_question(*texts) is (one == other)


@given(question, question, st.sampled_from(["not", "without", "never", "Lyon", "before 1990", "too"]))
def test_a_word_more_is_another_question(asked: str, _other: str, more: str) -> None:
    assert not same_question(asked, f"{asked.rstrip('?.!')} {more}?")


@given(st.text(max_size=200))
def test_any_text_has_a_wording(text: str) -> None:
    assert wording(text) == wording(text) and same_question(text, text)


@given(question, st.sampled_from(["What is {}?", "Please explain {}.", "Who wrote {}?"]), question)
def test_what_is_quoted_is_taken_literally(one: str, frame: str, other: str) -> None:
    quotes = [frame.format(f'"{text}"') for text in (one, other)]
    assert same_question(*quotes) is (one == other) or '"' in one + other
