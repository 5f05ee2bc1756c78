"""Events as Anthropic and servers like it send them become one reply; what is no message is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.providers.anthropic_reply import AnthropicParts
from workers.gateway.providers.reply import ErrorEvent, collect
from workers.gateway.tokens import BoundUsage
from workers.gateway.types import ModelReply, ModelRequest, Usage

Event = dict[str, Any]
STOP: Event = {"type": "message_stop"}


async def stream(events: tuple[Event, ...]) -> AsyncIterator[bytes]:
    for event in events:
        yield json.dumps(event).encode()


async def read(request: ModelRequest, *events: Event) -> ModelReply:
    return await collect(stream(events), request, AnthropicParts())


def start(**usage: Any) -> Event:
    return {"type": "message_start", "message": {"id": "m", "content": [], "usage": {"input_tokens": 9, **usage}}}


def block(index: int, **body: Any) -> Event:
    return {"type": "content_block_start", "index": index, "content_block": body}


def piece(index: int, kind: str, **body: Any) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **body}}


def end(reason: str | None = "end_turn", **usage: Any) -> Event:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 2, **usage}}


HI = (block(0, type="text", text=""), piece(0, "text_delta", text="Hi"))


async def test_text_that_a_block_begins_with_counts(request_of):
    reply = await read(
        request_of(), start(), block(0, type="text", text="H"), piece(0, "text_delta", text="i"), end(), STOP
    )
    assert (reply.text, reply.finish_reason, reply.blocks) == ("Hi", "stop", ())


async def test_parallel_calls_are_put_together_by_index_even_when_their_pieces_are_mixed(request_of):
    reply = await read(
        request_of(),
        start(),
        block(0, type="tool_use", id="x", name="f", input={}),
        block(1, type="tool_use", id="y", name="g", input={}),
        piece(1, "input_json_delta", partial_json='{"b"'),
        piece(0, "input_json_delta", partial_json='{"a": 1}'),
        piece(1, "input_json_delta", partial_json=": 2}"),
        end("tool_use"),
        STOP,
    )
    assert [(c.id, c.name, c.arguments) for c in reply.tool_calls] == [("x", "f", {"a": 1}), ("y", "g", {"b": 2})]
    assert reply.finish_reason == "tool_calls"


async def test_thinking_is_kept_as_it_was_with_the_rest_of_its_turn(request_of):
    reply = await read(
        request_of(),
        start(),
        block(0, type="thinking", thinking="", signature=""),
        piece(0, "signature_delta", signature="s1"),
        block(1, type="redacted_thinking", data="r2"),
        block(2, type="tool_use", id="x", name="f", input={}),
        piece(2, "input_json_delta", partial_json='{"a": 1}'),
        end("tool_use"),
    )
    assert (reply.text, list(reply.blocks)) == (
        "",
        [
            {"type": "thinking", "thinking": "", "signature": "s1"},
            {"type": "redacted_thinking", "data": "r2"},
            {"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}},
        ],
    )


@pytest.mark.parametrize(
    ("begun", "ended", "usage"),
    [
        ({}, {}, Usage(9, 2)),
        ({"output_tokens": 1}, {"output_tokens": 7}, Usage(9, 7)),
        ({"cache_read_input_tokens": 4, "cache_creation_input_tokens": 3}, {}, Usage(16, 2, 4, 3)),
        ({"cache_read_input_tokens": 4}, {"input_tokens": 11, "cache_read_input_tokens": None}, Usage(15, 2, 4)),
    ],
)
async def test_usage_is_a_total_so_far_and_the_prompt_has_three_parts(request_of, begun, ended, usage):
    assert (await read(request_of(), start(**begun), *HI, end(**ended))).usage == usage


@pytest.mark.parametrize("usage", [{"output_tokens": None}, {"output_tokens": -1}])
async def test_senseless_usage_is_counted_at_the_bound_and_never_by_what_stood_there_at_the_start(request_of, usage):
    reply = await read(request_of(max_tokens=50), start(output_tokens=1), *HI, end(**usage))
    assert isinstance(reply.usage, BoundUsage) and reply.usage.completion_tokens == 50


async def test_an_event_of_an_unknown_kind_is_passed_over(request_of):
    assert (await read(request_of(), start(), {"type": "news", "index": 0}, *HI, end())).text == "Hi"


async def test_an_answer_without_its_end_is_a_broken_connection(request_of):
    with pytest.raises(ModelUnreachable, match="broke its answer off") as caught:
        await read(request_of(), start(), *HI)
    assert caught.value.sent is True


async def test_a_body_that_holds_no_event_points_at_the_address(request_of):
    with pytest.raises(ModelReplyMalformed, match="base URL"):
        await read(request_of())


async def test_a_piece_of_a_block_that_never_began_is_malformed(request_of):
    with pytest.raises(ModelReplyMalformed):
        await read(request_of(), start(), piece(3, "text_delta", text="Hi"), end())


async def test_an_error_event_is_told_in_its_words(request_of):
    with pytest.raises(ErrorEvent, match="Overloaded"):
        await read(request_of(), start(), {"type": "error", "error": {"type": "x", "message": "Overloaded"}})


KEYS = ["type", "index", "text", "id", "name", "input", "usage", "input_tokens", "partial_json", "stop_reason"]
KINDS = ["message_start", "content_block_start", "content_block_delta", "message_delta"]
KINDS += ["text", "tool_use", "thinking", "text_delta", "input_json_delta", "thinking_delta", "signature_delta"]
json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=8,
)
events = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(("message", "index", "content_block", "delta", "usage"), json_values),
)


@given(st.lists(events, max_size=3))
async def test_whatever_the_events_hold_the_outcome_is_a_reply_or_one_of_our_errors(odd):
    request = ModelRequest(purpose="turn", provider="acme", model="m", messages=[], query="")
    try:
        reply = await read(request, start(), *odd, end())
    except ModelReplyMalformed:
        return
    assert isinstance(reply.text, str) and isinstance(reply.finish_reason, str)
    assert all(isinstance(text, str) for call in reply.tool_calls for text in (call.id, call.name, call.raw))
    json.dumps(reply.blocks)
