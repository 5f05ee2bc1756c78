"""Events of the Responses protocol become one reply; what is none is told."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.errors import ModelReplyMalformed, ModelUnreachable
from workers.gateway.providers.reply import ErrorEvent, collect
from workers.gateway.providers.responses_reply import ResponsesParts
from workers.gateway.tokens import BoundUsage
from workers.gateway.types import ModelReply, ModelRequest

HI = {"type": "response.output_text.delta", "delta": "Hi"}
END = {"type": "response.completed", "response": {"status": "completed"}}


async def read(request: ModelRequest, *events: dict[str, Any]) -> ModelReply:
    async def stream() -> AsyncIterator[bytes]:
        for event in events:
            yield json.dumps(event).encode()

    return await collect(stream(), request, ResponsesParts())


async def test_a_refusal_is_the_answer_and_unknown_events_are_passed_over(request_of):
    reply = await read(request_of(), {"type": "news"}, {"type": "response.refusal.delta", "delta": "No."}, END)
    assert (reply.text, reply.finish_reason) == ("No.", "stop")


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "Overloaded"}}},
        {"type": "error", "message": "Overloaded"},
        {"type": "error", "error": {"message": "Overloaded"}},
    ],
)
async def test_a_failure_is_told_in_its_words(request_of, event):
    with pytest.raises(ErrorEvent, match="Overloaded"):
        await read(request_of(), HI, event)


async def test_an_answer_without_its_end_is_a_broken_connection(request_of):
    with pytest.raises(ModelUnreachable):
        await read(request_of(), HI)


async def test_usage_that_is_missing_is_the_bound(request_of):
    assert isinstance((await read(request_of(), HI, END)).usage, BoundUsage)


json_values = st.recursive(
    st.none() | st.integers() | st.sampled_from(["function_call", "reasoning", "incomplete"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "call_id", "name", "arguments", "status", "usage", "input_tokens", "reason"]),
            inner,
        )
    ),
    max_leaves=6,
)
KINDS = ["response.output_text.delta", "response.output_item.done", "response.completed", "response.incomplete"]
events = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)}, optional=dict.fromkeys(("delta", "item", "response"), json_values)
)


@given(st.lists(events, max_size=3))
async def test_whatever_the_events_hold_the_outcome_is_a_reply_or_one_of_our_errors(odd):
    request = ModelRequest(purpose="turn", provider="acme", model="m", messages=[], query="")
    try:
        reply = await read(request, *odd, END)
    except ModelReplyMalformed:
        return
    assert isinstance(reply.text, str) and isinstance(reply.finish_reason, str)
    assert all(isinstance(text, str) for call in reply.tool_calls for text in (call.id, call.name, call.raw))
