"""What only Anthropic's protocol has: a cache that is billed apart, thinking that wants to come back, its own words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.integration.gateway.conftest import PROTOCOLS, SHIPPED
from tests.integration.gateway.test_calls import TOOL
from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import ModelRefused, ModelReplyInvalid
from workers.gateway.types import Usage


@pytest.fixture
def protocol():
    return PROTOCOLS[1]


async def test_tokens_read_from_the_cache_and_written_to_it_are_billed_at_their_own_prices(server, gateway, ask):
    spent = {"prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 600, "cache_write_tokens": 300}
    server.script([{"reply": {"text": "Yes", "usage": spent}}])
    usage = (await gateway.complete(ask(model="claude-opus-5-5"))).usage
    assert usage == Usage(1000, 100, 600, 300)
    price = Catalogue.load(SHIPPED, {}).price_of("anthropic", "claude-opus-5-5")
    per_million = 100 * 4 + 600 * Decimal("0.2") + 300 * 5 + 100 * 20
    assert price.cost_usd(usage) == per_million / 1_000_000


@pytest.mark.parametrize(
    ("told", "meant"),
    [("end_turn", "stop"), ("stop_sequence", "stop"), ("max_tokens", "length"), ("refusal", "content_filter")],
)
async def test_why_it_ended_is_told_in_our_words(server, gateway, ask, told, meant):
    server.script([{"reply": {"text": "So", "finish_reason": told}}])
    assert (await gateway.complete(ask())).finish_reason == meant


async def test_a_refusal_without_words_is_an_error_with_its_reason_and_cost(server, gateway, ask):
    server.script([{"reply": {"text": "", "finish_reason": "refusal"}}])
    with pytest.raises(ModelReplyInvalid, match="content_filter") as caught:
        await gateway.complete(ask())
    assert caught.value.usage and caught.value.usage.total_tokens == server.log()[0]["usage"]["total_tokens"]


async def test_thinking_is_no_text_and_comes_back_signed_and_unchanged(server, gateway, ask):
    wanted = [{"name": "look", "arguments": {"at": 1}}, {"name": "look", "arguments": {"at": 2}}]
    server.script([{"reply": {"thinking": "Hm, well", "text": "I look.", "tool_calls": wanted}, "times": 1}])
    pieces: list[str] = []

    async def on_delta(piece: str) -> None:
        pieces.append(piece)

    reply = await gateway.complete(ask(tools=[TOOL], on_delta=on_delta))
    assert reply.text == "I look." == "".join(pieces)
    kept = reply.tool_calls[0]  # the second is over somebody's limit
    call = {"id": kept.id, "type": "function", "function": {"name": kept.name, "arguments": kept.raw}}
    messages = [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": reply.text, "tool_calls": [call], "blocks": reply.blocks},
        {"role": "tool", "tool_call_id": kept.id, "content": "saw it"},
    ]
    assert (await gateway.complete(ask(messages=messages, tools=[TOOL]))).text
    assert server.log()[1]["messages"][1]["blocks"] == [
        {"type": "thinking", "thinking": "Hm, well", "signature": "signed-msg_000001"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": kept.id, "name": "look", "input": {"at": 1}},
    ]


async def test_what_the_real_server_refuses_is_refused_here(server, gateway, ask):
    """Else the tests of conversations prove nothing."""
    lonely = {"role": "tool", "tool_call_id": "c1", "content": "saw it"}
    with pytest.raises(Exception, match="tool_use must have its tool_result"):
        await gateway.complete(ask(messages=[{"role": "user", "content": "Why?"}, lonely], tools=[TOOL]))


@pytest.mark.parametrize("lifetime", ["5m", "1h"])
async def test_what_stays_the_same_is_marked_for_the_cache(server, gateway, ask, lifetime):
    spent = {"prompt_tokens": 900, "completion_tokens": 1, "cache_write_tokens": 800, "cache_write_1h_tokens": 700}
    server.script([{"reply": {"text": "Yes", "usage": spent}}])
    messages = [{"role": "system", "content": "Be brief."}, *ask().messages]
    reply = await gateway.complete(ask(messages=messages, tools=[TOOL, {**TOOL, "name": "hear"}], cache=lifetime))
    assert reply.usage == Usage(900, 1, 0, 800, 700)
    asked = server.log()[0]["asked"]
    marked = {"type": "ephemeral", "ttl": lifetime}
    assert [tool.get("cache_control") for tool in asked["tools"]] == [None, marked]
    assert asked["system"] == [{"type": "text", "text": "Be brief.", "cache_control": marked}]


async def test_a_file_of_text_is_a_document_and_other_bytes_are_refused(server, gateway, ask):
    data = {"text/csv": "eCx5", "application/zip": "/w=="}
    files = [{"type": "file", "media_type": kind, "name": "a", "data": raw} for kind, raw in data.items()]
    csv, archive = ([{"role": "user", "content": "", "parts": [file]}] for file in files)
    await gateway.complete(ask(messages=csv))
    source = {"type": "text", "media_type": "text/plain", "data": "x,y"}
    assert server.log()[0]["messages"][0]["content"] == [{"type": "document", "source": source, "title": "a"}]
    with pytest.raises(ModelRefused, match="neither text nor a PDF"):
        await gateway.complete(ask(messages=archive))
