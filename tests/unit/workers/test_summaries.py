"""What is summed up, and the extract where no model can."""

from __future__ import annotations

from workers.summaries import SAID_CHARS, SUMMARY_CHARS, as_text, extract


def said(text: str, role: str = "user") -> dict[str, str]:
    return {"role": role, "content": text}


def test_each_message_is_a_line_with_its_calls_and_long_ones_are_bounded() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    asked = {"role": "assistant", "content": None, "tool_calls": [call]}
    assert as_text([said("One"), asked]) == 'user: One\nassistant: add({"a": 1})'
    assert len(as_text([said("x" * 10_000)] * 100)) < SAID_CHARS + 10


def test_an_extract_has_first_sentences_and_of_too_many_the_newest() -> None:
    assert extract([said("It is 1.5 m. And more."), said("Why?  Because.")]) == "user: It is 1.5 m.\nuser: Why?"
    long = extract([said(f"Number {n} " + "word " * 100) for n in range(100)])
    assert len(long) <= SUMMARY_CHARS and "Number 99" in long and "Number 1 " not in long
