"""Which messages of a conversation are told: bounded, growing at its end only, and never a result without its call."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.agent_sessions.conversations import node_key
from webapp.agent_sessions.window import SUMMARY_TOKENS, Weight, Window, chars_of, cut
from webapp.common.errors import Invalid

SMALL = Window(messages=12, primers=2, recents=5, tokens=8_000)
WINDOWS = st.builds(
    lambda size, primers, recents, tokens: Window(size, primers, min(recents, size - 2 - primers), tokens=tokens),
    st.integers(6, 60),
    st.integers(0, 3),
    st.integers(1, 20),
    st.sampled_from([4_000, 32_000]),
)


@st.composite
def conversations(draw: Any) -> list[Weight]:
    """System messages first; then questions and answers, some of which are calls with results."""
    said = [Weight("system", 20)] * draw(st.integers(0, 2))
    for kind, tokens in draw(st.lists(st.tuples(st.sampled_from("qqac"), st.integers(5, 400)), max_size=120)):
        if kind == "c":
            said += [Weight("assistant", tokens), *[Weight("tool", tokens)] * (1 + tokens % 3)]
        else:
            said.append(Weight("user" if kind == "q" else "assistant", tokens))
    return said


def turns(count: int, tokens: int = 100) -> list[Weight]:
    return [Weight("user" if at % 2 == 0 else "assistant", tokens) for at in range(count)]


def test_fifty_messages_are_told_whole_and_the_next_one_compresses_to_primers_summary_and_recents() -> None:
    assert cut(turns(50), Window()).points == ()
    made = cut(turns(51), Window())
    assert (made.head, made.points, made.left_out) == (3, (31,), 28)
    assert made.tokens_after == 23 * 100 + SUMMARY_TOKENS < made.tokens_before


def test_a_summary_serves_for_some_twenty_six_messages() -> None:
    points = cut(turns(400), Window()).points
    assert {later - earlier for earlier, later in itertools.pairwise(points)} == {27}


def test_few_long_messages_are_compressed_by_their_tokens() -> None:
    made = cut(turns(30, tokens=1_000), Window())
    assert made.points and made.tokens_after <= 0.75 * 32_000


@given(conversations(), WINDOWS)
def test_what_is_told_fits_the_window_whatever_was_said(said: list[Weight], window: Window) -> None:
    """Groups of calls and results may stand over by themselves: they are never divided."""
    made, group = cut(said, window), 4 * 405
    system = next((at for at, each in enumerate(said) if each.role != "system"), len(said))
    shown = made.head - system + bool(made.points) + len(said) - made.since
    assert shown <= window.messages + 4 or shown == len(said) - system
    assert made.tokens_after <= window.trigger * window.tokens + SUMMARY_TOKENS + group


@given(conversations(), WINDOWS, st.data())
def test_a_longer_conversation_keeps_every_earlier_point(said: list[Weight], window: Window, data: Any) -> None:
    """So that between two compressions a prompt only grows at its end, and a summary is made once."""
    whole, part = cut(said, window), cut(said[: data.draw(st.integers(0, len(said)))], window)
    assert part.points == whole.points[: len(part.points)]
    assert not part.points or part.head == whole.head


@given(conversations(), WINDOWS)
def test_no_result_is_told_without_its_call(said: list[Weight], window: Window) -> None:
    made = cut(said, window)
    if made.points:
        assert said[made.since].role != "tool" and said[made.head].role != "tool"
        assert made.head <= made.since < len(said)


@pytest.mark.parametrize(
    ("given_", "window"),
    [
        ({}, Window()),
        ({"use_case_preset": "debugging"}, Window(75)),
        ({"use_case_preset": "debugging", "history_window_size": 60}, Window(60)),
        ({"history_window_size": 5}, Window(5, 1, 1)),
        ({"history_window_size": 200, "primers_count": 0, "recents_count": 100}, Window(200, 0, 100)),
        ({"compression_trigger_ratio": 0.5}, Window(trigger=0.5, target=0.25)),
    ],
)
def test_a_request_says_what_it_wants_otherwise(given_: dict[str, Any], window: Window) -> None:
    assert Window.of(given_, tokens=32_000) == window


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"history_window_size": 4}, "context.history_window_size: must be a whole number from 5 to 200"),
        ({"history_window_size": 201}, "context.history_window_size: must be a whole number from 5 to 200"),
        ({"history_window_size": True}, "context.history_window_size: must be a whole number"),
        ({"primers_count": 49}, "context.primers_count: must be a whole number from 0 to 48"),
        ({"primers_count": 30, "recents_count": 30}, "context.recents_count: must be at most 48 together"),
        ({"compression_trigger_ratio": 1.1}, "context.compression_trigger_ratio: must be a number from 0.2 to 1"),
        ({"compression_target_ratio": 0.75}, "context.compression_target_ratio: must be a number from 0.1 to 0.6"),
        ({"use_case_preset": 3}, "context.use_case_preset: must be a string"),
    ],
)
def test_a_refusal_names_field_and_limit(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid) as refused:
        Window.of(given_, tokens=32_000, within="context.")
    assert str(refused.value).startswith(message)


def test_a_window_is_never_larger_than_the_models_context() -> None:
    assert Window().within(8_000).tokens == 8_000 and Window().within(200_000) == Window() == Window().within(None)


def test_a_file_counts_by_its_bytes_and_an_image_as_one() -> None:
    image = {"type": "image", "media_type": "image/png", "data": "A" * 100_000}
    file = {"type": "file", "name": "a.txt", "media_type": "text/plain", "data": "A" * 4_000}
    said = {"role": "user", "content": "Look", "parts": [{"type": "text", "text": "Look"}, image, file]}
    assert chars_of(said) == 4 + 6_000 + 3_000
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    assert chars_of({"role": "assistant", "content": None, "tool_calls": [call]}) == 5


def test_a_key_depends_on_all_that_was_said_before_and_on_no_order_of_fields() -> None:
    hello = {"role": "user", "content": "Hello"}
    assert node_key("", hello) == node_key("", dict(reversed(hello.items())))
    assert len({node_key("", hello), node_key("x", hello), node_key("", {**hello, "content": "hello"})}) == 3
