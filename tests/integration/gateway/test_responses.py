"""What only OpenAI's Responses protocol has: items, reasoning that wants to come back, nothing stored."""

from __future__ import annotations

import pytest

from tests.integration.gateway.conftest import PROTOCOLS
from tests.integration.gateway.test_calls import TOOL
from workers.gateway.types import Usage


@pytest.fixture
def protocol():
    return PROTOCOLS[2]


async def test_reasoning_is_no_text_and_comes_back_sealed_with_its_turn(server, gateway, ask):
    wanted = [{"name": "look", "arguments": {"at": 1}}, {"name": "look", "arguments": {"at": 2}}]
    server.script([{"reply": {"thinking": "Hm", "text": "I look.", "tool_calls": wanted}, "times": 1}])
    reply = await gateway.complete(ask(tools=[TOOL], effort="low"))
    assert (reply.text, reply.finish_reason) == ("I look.", "tool_calls")
    kept = reply.tool_calls[0]  # the second is over somebody's limit
    call = {"id": kept.id, "type": "function", "function": {"name": kept.name, "arguments": kept.raw}}
    messages = [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": reply.text, "tool_calls": [call], "blocks": reply.blocks},
        {"role": "tool", "tool_call_id": kept.id, "content": "saw it"},
    ]
    assert (await gateway.complete(ask(messages=messages, tools=[TOOL]))).text
    sent_back = [block for message in server.log()[1]["messages"] for block in message.get("blocks", [])]
    assert [block["type"] for block in sent_back] == ["reasoning", "function_call"]
    assert sent_back[0]["encrypted_content"] == "sealed-resp_000001"


async def test_nothing_is_stored_and_sealed_reasoning_is_asked_for(server, gateway, ask):
    await gateway.complete(ask(effort="low"))
    asked = server.log()[0]["asked"]
    assert (asked["store"], asked["include"]) == (False, ["reasoning.encrypted_content"])


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_incomplete_answer_says_why(server, gateway, ask, reason):
    server.script([{"reply": {"text": "So", "finish_reason": reason}}])
    assert (await gateway.complete(ask())).finish_reason == reason


async def test_tokens_of_the_cache_are_told(server, gateway, ask):
    spent = {"prompt_tokens": 900, "completion_tokens": 7, "cached_tokens": 600, "cache_write_tokens": 200}
    server.script([{"reply": {"text": "Yes", "usage": spent}}])
    assert (await gateway.complete(ask())).usage == Usage(900, 7, 600, 200)


async def test_one_model_may_speak_it_where_its_provider_speaks_chat(server, connect, ask):
    gateway = await connect(protocol="openai", models="{gpt-4o: {protocol: responses}}")
    for model in ("gpt-4o-mini", "gpt-4o"):
        await gateway.complete(ask(model=model))
    assert ["store" in entry["asked"] for entry in server.log()] == [False, True]
