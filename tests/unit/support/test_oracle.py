"""What the scripted models know depends on what they are told."""

from __future__ import annotations

import pytest

from tests.support.model_server.oracle import AT_A_LOSS, Fact, Oracle

REVENUE = "What was Acme's revenue in 2021?"
OTHERS = "What was Globex' revenue in 2021?"


def fact(question: str, answer: str, *needs: str, hard: bool = False) -> Fact:
    return Fact(question, needs, answer, f"It was {answer}.", "It was 0.", hard)


ORACLE = Oracle(
    [
        fact(REVENUE, "1", "Desk"),
        fact(OTHERS, "2", "Desk"),
        fact("And in 2022?", "3", "Desk", REVENUE),
        fact("And in 2022?", "4", "Desk", OTHERS),
        fact("Why?", "5", "Desk", hard=True),
    ],
    small=["small"],
)


def said(*texts: str, model: str = "large", system: str = "Desk") -> str:
    return ORACLE.answer(
        [{"role": "system", "content": system}, *({"role": "user", "content": t} for t in texts)], model
    )


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        ("1", [REVENUE]),
        ("3", [REVENUE, "And in 2022?"]),
        ("4", [OTHERS, "And in 2022?"]),
        ("4", [REVENUE, OTHERS, "And in 2022?"]),
        ("3", [OTHERS, REVENUE, "And in 2022?"]),
        ("5", ["Why?"]),
    ],
)
def test_a_question_goes_on_from_the_latest_that_it_can_lean_on(answer, texts):
    assert said(*texts) == f"It was {answer}."


def test_without_what_it_leans_on_there_is_no_answer():
    assert said("And in 2022?") == AT_A_LOSS and said(REVENUE, system="Nobody") == AT_A_LOSS


def test_a_small_model_slips_on_what_is_hard_only():
    assert said("Why?", model="small") == "It was 0." and said(REVENUE, model="small") == "It was 1."


def test_a_summary_holds_what_later_questions_lean_on():
    talk = f"user: {REVENUE}\nassistant: It was 1.\nuser: {OTHERS}\nassistant: It was 2."
    summary = said(f"Sum this up:\n{talk}")
    assert REVENUE in summary and len(summary) < 2 * len(talk)
    assert said(f"Summary: {summary}", "And in 2022?") == "It was 4."
