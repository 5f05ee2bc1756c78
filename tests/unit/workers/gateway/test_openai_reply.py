"""Chunks as different servers send them become one reply; what is no chat completion is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.providers.openai_reply import OpenAIParts
from workers.gateway.providers.reply import ErrorEvent, collect
from workers.gateway.tokens import BoundUsage
from workers.gateway.types import ModelReply, ModelRequest, Usage

END = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
TEXT = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}


async def stream(*bodies: dict[str, Any]) -> AsyncIterator[bytes]:
    for body in bodies:
        yield json.dumps(body).encode()


async def read(chunks: AsyncIterator[bytes], request: ModelRequest) -> ModelReply:
    return await collect(chunks, request, OpenAIParts())


def call(index: int, **piece: Any) -> dict[str, Any]:
    function = {key: piece.pop(key) for key in ("name", "arguments") if key in piece}
    delta = {"tool_calls": [{"index": index, **piece, "function": function}]}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


async def calls_of(request, *bodies):
    reply = await read(stream(*bodies, END), request)
    return [(c.id, c.name, c.arguments) for c in reply.tool_calls]


async def test_pieces_of_parallel_calls_are_put_together_by_index(request_of):
    assert await calls_of(
        request_of(),
        call(0, id="x", name="f", arguments=""),
        call(1, id="y", name="g", arguments='{"b"'),
        call(0, arguments='{"a": 1}'),
        call(1, arguments=": 2}"),
    ) == [("x", "f", {"a": 1}), ("y", "g", {"b": 2})]


async def test_a_server_that_repeats_id_and_name_in_every_piece_is_understood(request_of):
    assert await calls_of(
        request_of(), call(0, id="x", name="f", arguments="{"), call(0, id="x", name="f", arguments="}")
    ) == [("x", "f", {})]


async def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids(request_of):
    assert await calls_of(
        request_of(), call(0, id="x", name="f", arguments="{}"), call(0, id="y", name="g", arguments="{}")
    ) == [("x", "f", {}), ("y", "g", {})]


async def test_missing_and_double_ids_are_replaced(request_of):
    found = await calls_of(
        request_of(), call(0, name="f", arguments=""), call(1, id="x", name="g"), call(2, id="x", name="h")
    )
    assert found == [("call_1", "f", {}), ("x", "g", {}), ("call_3", "h", {})]


@pytest.mark.parametrize("raw", ["{oops", "[1]", '{"a": 1e400}', '{"a": NaN}', '"text"', "[" * 100_000])
async def test_arguments_that_are_no_object_are_none_and_kept_raw(request_of, raw):
    reply = await read(stream(call(0, id="x", name="f", arguments=raw), END), request_of())
    assert (reply.tool_calls[0].arguments, reply.tool_calls[0].raw) == (None, raw)


async def test_a_refusal_is_the_answer(request_of):
    refusal = {"choices": [{"index": 0, "delta": {"refusal": "I won't."}, "finish_reason": None}]}
    assert (await read(stream(refusal, END), request_of())).text == "I won't."


async def test_usage_is_taken_from_the_last_chunk_that_has_it(request_of):
    details = {"cached_tokens": 4}
    last = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": details}}
    reply = await read(stream(TEXT, END, last), request_of())
    assert reply.usage == Usage(9, 2, 4)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1, "completion_tokens": 1}, {"prompt_tokens": "9"}])
async def test_missing_or_senseless_usage_is_counted_at_the_bound(request_of, usage):
    reply = await read(stream(TEXT, END, {"choices": [], "usage": usage}), request_of(max_tokens=50))
    assert isinstance(reply.usage, BoundUsage) and reply.usage.completion_tokens == 50


async def test_an_answer_without_its_end_is_a_broken_connection(request_of):
    with pytest.raises(ModelUnreachable, match="broke its answer off") as caught:
        await read(stream(TEXT), request_of())
    assert caught.value.sent is True


async def test_a_body_that_holds_no_chunk_points_at_the_address(request_of):
    with pytest.raises(ModelReplyMalformed, match="base URL"):
        await read(stream(), request_of())


async def test_an_error_of_the_listener_is_its_own(request_of):
    async def on_delta(_piece: str) -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await read(stream(TEXT, END), request_of(on_delta=on_delta))


@pytest.mark.parametrize("error", [{"message": "Overloaded"}, {"code": "Overloaded"}, "Overloaded"])
async def test_an_error_instead_of_a_chunk_is_told_in_its_words(request_of, error):
    with pytest.raises(ErrorEvent, match="Overloaded"):
        await read(stream(TEXT, {"error": error}), request_of())


@pytest.mark.parametrize("odd", [b"{oops", b"[1]", b"null", b'"text"', b"\xff{}", b"[" * 100_000])
async def test_an_event_that_is_no_object_is_no_chat_completion(request_of, odd):
    async def events() -> AsyncIterator[bytes]:
        yield odd

    with pytest.raises(ModelReplyMalformed):
        await read(events(), request_of())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "content",
                    "tool_calls",
                    "function",
                    "name",
                    "arguments",
                    "index",
                    "id",
                    "usage",
                    "prompt_tokens",
                    "completion_tokens",
                    "finish_reason",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["choices", "usage", "id"]), json_values))
async def test_whatever_a_chunk_holds_the_outcome_is_a_reply_or_one_of_our_errors(body):
    request = ModelRequest(purpose="turn", provider="acme", model="m", messages=[], query="")
    try:
        reply = await read(stream(body, END), request)
    except ModelReplyMalformed:
        return
    assert isinstance(reply.text, str) and all(isinstance(c.name, str) for c in reply.tool_calls)
