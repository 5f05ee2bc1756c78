"""Calls that succeed: text as it streams, tool calls, usage, and many at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.support.farm import eventually
from workers.gateway.catalogue import Catalogue
from workers.gateway.complete import Gateway
from workers.gateway.errors import ModelRefused
from workers.gateway.providers import build_providers
from workers.gateway.tokens import BoundUsage, prompt_upper_bound
from workers.gateway.types import ToolSpec, Usage

TOOL: ToolSpec = {"name": "look", "description": "Look it up.", "parameters": {"type": "object", "properties": {}}}

CALLS = [("c1", '{"at": 1}'), ("c2", "{oops")]


async def test_text_arrives_in_pieces_that_add_up_to_the_reply(server, gateway, ask):
    server.script([{"reply": {"text": "Because the sky scatters blue light — 青.", "chunks": 7}}])
    pieces: list[str] = []

    async def on_delta(piece: str) -> None:
        pieces.append(piece)

    reply = await gateway.complete(ask(on_delta=on_delta))
    assert (reply.text, reply.finish_reason) == ("Because the sky scatters blue light — 青.", "stop")
    assert "".join(pieces) == reply.text and len(pieces) == 7


async def test_parallel_tool_calls_are_put_together_from_their_pieces(server, gateway, ask):
    wanted = [{"name": "look", "arguments": {"at": "x" * 90}}, {"name": "look", "arguments": {"at": ["ü", 2]}}]
    server.script([{"reply": {"tool_calls": wanted}}])
    reply = await gateway.complete(ask(tools=[TOOL]))
    assert [{"name": c.name, "arguments": c.arguments} for c in reply.tool_calls] == wanted
    assert reply.finish_reason == "tool_calls" and len({c.id for c in reply.tool_calls}) == 2


async def test_arguments_that_are_no_json_reach_the_caller_raw(server, gateway, ask):
    server.script([{"reply": {"tool_calls": [{"name": "look", "arguments": "{oops"}]}}])
    (call,) = (await gateway.complete(ask(tools=[TOOL]))).tool_calls
    assert (call.arguments, call.raw) == (None, "{oops")


async def test_usage_is_the_providers_and_below_the_bound_that_was_held(server, gateway, ask):
    request = ask(tools=[TOOL])
    reply = await gateway.complete(request)
    counted = server.log()[0]["usage"]
    assert reply.usage == Usage(counted["prompt_tokens"], counted["completion_tokens"])
    assert 0 < reply.usage.prompt_tokens < prompt_upper_bound(request.messages, request.tools)


async def test_usage_that_the_server_keeps_to_itself_is_the_bound_and_says_so(server, gateway, ask):
    server.script([{"reply": {"text": "Hi", "usage": False}}])
    usage = (await gateway.complete(ask(max_tokens=99))).usage
    assert isinstance(usage, BoundUsage) and usage.completion_tokens == 99


async def test_the_request_carries_what_was_asked_for(server, gateway, ask, protocol):
    await gateway.complete(ask(max_tokens=321, model=protocol.other, tools=[TOOL]))
    (seen,) = server.log()
    assert (seen["max_tokens"], seen["model"], seen["stream"], seen["tools"]) == (321, protocol.other, True, ["look"])


async def test_a_conversation_with_parallel_calls_is_told_in_the_protocols_own_way(server, gateway, ask):
    """The server refuses what the real one would."""
    calls = [{"id": name, "type": "function", "function": {"name": "look", "arguments": raw}} for name, raw in CALLS]
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look twice."},
        {"role": "assistant", "content": None, "tool_calls": calls},
        *({"role": "tool", "tool_call_id": name, "content": f"saw {name}"} for name, _ in CALLS),
    ]
    assert (await gateway.complete(ask(messages=messages, tools=[TOOL]))).text
    seen = server.log()[0]["messages"]
    assert [m["role"] for m in seen] == ["system", "user", "assistant", "tool", "tool"]
    assert [m["content"] for m in seen[3:]] == ["saw c1", "saw c2"]


async def test_tools_that_may_not_be_called_any_more_are_not_offered(server, gateway, ask):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "nothing"},
    ]
    assert (await gateway.complete(ask(messages=messages, tools=[TOOL], may_call=False))).text
    assert server.log()[0]["tools"] == []


async def test_a_server_without_keys_needs_only_its_address(server, ask, protocol):
    path = Path(__file__).parents[3] / "workers" / "gateway" / "catalogue.yaml"
    catalogue = Catalogue.load(path, protocol.environ(server))
    gateway = Gateway(catalogue, build_providers(catalogue))
    try:
        assert (await gateway.complete(ask())).text
    finally:
        await gateway.close()


async def test_two_hundred_streams_are_open_at_the_same_time(server, gateway, ask):
    server.script([{"reply": {"text": "one two three four five six seven eight", "chunks": 8}}])
    server.gate()
    calls = asyncio.gather(*(gateway.complete(ask()) for _ in range(200)))
    await asyncio.to_thread(eventually, lambda: len(server.log()) == 200)
    assert {entry["outcome"] for entry in server.log()} == {"running"}
    server.release()
    assert {reply.text for reply in await calls} == {"one two three four five six seven eight"}


async def test_a_connection_whose_answer_has_ended_serves_the_next_call_whosever_key_it_has(server, gateway, ask):
    for key in (None, None, "sk-globex-987654wxyz"):
        await gateway.complete(ask(api_key=key))
    assert len({entry["port"] for entry in server.log()}) == 1


async def test_providers_are_told_nothing_of_our_machine_or_of_other_accounts(server, connect, ask, monkeypatch):
    """What the environment holds for an SDK's own provider may be a secret, and others speak its protocol too."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    for name in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{name}_CUSTOM_HEADERS", "X-Secret: s")
    await (await connect()).complete(ask(api_key="sk-of-a-tenant"))
    (entry,) = server.log()
    assert entry["told"] == []


async def test_a_redirect_is_not_followed_with_the_prompt(server, gateway, ask):
    """It would lead to a second request here; it may lead anywhere."""
    server.script([{"fault": {"redirect": True}, "times": 1}])
    with pytest.raises(ModelRefused):
        await gateway.complete(ask())
    assert len(server.log()) == 1
