"""Streaming, limits and the count of tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.providers.offline.tokens import count, cut


def test_text_is_streamed_in_pieces_that_add_up_to_it(bench):
    pieces: list[str] = []

    async def on_delta(piece: str) -> None:
        pieces.append(piece)

    reply = bench.ask("turn", "Who wrote Faust?", [], on_delta=on_delta)
    assert "".join(pieces) == reply.text and len(pieces) > 5


def test_an_answer_longer_than_the_limit_is_cut_and_says_why(bench):
    reply = bench.ask("turn", "Who wrote Faust?", [], max_tokens=7)
    assert reply.finish_reason == "length" and reply.usage.completion_tokens == 7


def test_calls_never_exceed_the_limit_together(bench):
    bench.attach("a.csv", "city,size\nRome,1\n")
    question = "Which city has the highest size? What is the total size? How many rows are there?"
    reply = bench.ask("turn", question, [], max_tokens=7500)
    assert len(reply.tool_calls) == 2 and reply.usage.completion_tokens <= 7500


def test_the_prompt_is_counted_with_calls_and_tools(bench):
    question = "What is 2 + 2?"
    bare = bench.ask("turn", question, [{"role": "user", "content": question}], tools=())
    with_tools = bench.ask("turn", question, [{"role": "user", "content": question}])
    assert bare.usage.prompt_tokens == count(question) == 6 and with_tools.usage.prompt_tokens > 6


@given(st.text(max_size=200), st.integers(0, 60))
def test_a_count_never_exceeds_the_bytes_and_a_cut_never_the_limit(text, limit):
    assert count(text) <= len(text.encode("utf-8", "surrogatepass")) and count(cut(text, limit)) <= limit
