"""What a request may ask for beyond text, in each protocol's own words; an answer in JSON is checked."""

from __future__ import annotations

import json
import traceback

import pytest

from tests.integration.gateway.conftest import KEY, PROTOCOLS
from workers.gateway.errors import ModelError, ModelRefused, ModelReplyInvalid
from workers.gateway.types import Usage

SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer", "minimum": 0}},
    "required": ["answer"],
    "additionalProperties": False,
}
OWN_KEY = "sk-globex-987654wxyz"
IMAGE = {"type": "image", "media_type": "image/png", "data": "iVBORw0K"}
PDF = {"type": "file", "media_type": "application/pdf", "name": "a.pdf", "data": "JVBERg=="}


def seen_by(server):
    (entry,) = server.log()
    return entry


async def test_images_and_files_go_with_the_text(server, gateway, ask, protocol):
    parts = [{"type": "text", "text": "Look"}, IMAGE, PDF]
    await gateway.complete(ask(messages=[{"role": "user", "content": "Look", "parts": parts}]))
    told = json.dumps(seen_by(server)["messages"])
    expected = {
        "openai": ["data:image/png;base64,iVBORw0K", "data:application/pdf;base64,JVBERg==", '"filename": "a.pdf"'],
        "responses": ['"image_url": "data:image/png;base64,iVBORw0K"', '"type": "input_file"', '"filename": "a.pdf"'],
        "anthropic": ['"type": "image"', '"data": "iVBORw0K"', '"type": "document"', '"title": "a.pdf"'],
    }
    assert "Look" in told and all(piece in told for piece in expected[protocol.name])


async def test_an_answer_in_json_is_asked_for_and_checked(server, gateway, ask, protocol):
    server.script([{"reply": {"text": '{"answer": 42}'}}])
    reply = await gateway.complete(ask(schema=SCHEMA))
    assert json.loads(reply.text) == {"answer": 42}
    asked = seen_by(server)["asked"]
    wanted = {"name": "answer", "schema": SCHEMA, "strict": False}  # it has a minimum
    if protocol.name == "openai":
        assert asked["response_format"] == {"type": "json_schema", "json_schema": wanted}
    elif protocol.name == "responses":
        assert asked["text"] == {"format": {"type": "json_schema", **wanted}}
    else:
        assert asked["output_config"]["format"]["schema"]["required"] == ["answer"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("forty-two", "not JSON"),
        ('{"answer": -1}', "answer: -1 is less"),
        ('{"answer": NaN}', "not JSON"),
        ("7", "whole"),
    ],
)
async def test_an_answer_that_does_not_fit_is_an_error_with_its_cost(server, gateway, ask, text, reason):
    server.script([{"reply": {"text": text, "usage": {"prompt_tokens": 5, "completion_tokens": 3}}}])
    with pytest.raises(ModelReplyInvalid, match=reason) as caught:
        await gateway.complete(ask(schema=SCHEMA))
    assert (caught.value.sent, caught.value.usage) == (True, Usage(5, 3))


@pytest.mark.parametrize("protocol", PROTOCOLS[:2], ids=["openai", "anthropic"], indirect=True)
@pytest.mark.parametrize("schema", ["none", "json_object"])
async def test_where_there_is_no_parameter_the_prompt_asks(server, connect, ask, protocol, schema):
    server.script([{"reply": {"text": '```json\n{"answer": 42}\n```'}}])
    gateway = await connect(dialect=f"{{schema: {schema}}}")
    reply = await gateway.complete(ask(schema=SCHEMA))
    assert json.loads(reply.text) == {"answer": 42}, "a fence is taken off"
    seen = seen_by(server)
    assert seen["messages"][0]["role"] == "system" and '"minimum": 0' in seen["messages"][0]["content"]
    assert "output_config" not in seen["asked"]
    if protocol.name == "openai":
        assert seen["asked"].get("response_format") == (None if schema == "none" else {"type": "json_object"})


@pytest.mark.parametrize("schema", [{"type": "text"}, {"type": "string", "pattern": "(a+)+$"}])
async def test_a_schema_that_cannot_be_checked_is_refused_before_anything_is_sent(server, gateway, ask, schema):
    with pytest.raises(ModelRefused) as caught:
        await gateway.complete(ask(schema=schema))
    assert caught.value.sent is False and server.log() == []


async def test_the_effort_is_told_to_servers_that_know_it(server, connect, ask, protocol):
    await (await connect()).complete(ask(effort="high"))
    await (await connect(dialect="{reasoning: none}")).complete(ask(effort="high"))
    told, untold = (entry["asked"] for entry in server.log())
    if protocol.name == "openai":
        assert told["reasoning_effort"] == "high"
    elif protocol.name == "responses":
        assert told["reasoning"] == {"effort": "high"}
    else:
        assert (told["thinking"], told["output_config"]) == ({"type": "adaptive"}, {"effort": "high"})
    assert not {"reasoning_effort", "reasoning", "thinking", "output_config"} & untold.keys()


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_the_limit_has_the_name_that_the_server_knows(server, connect, ask, protocol, name):
    wanted = {"openai": name, "anthropic": "max_tokens", "responses": "max_output_tokens"}[protocol.name]
    gateway = await connect(dialect=f"{{max_tokens: {name}, usage: always}}")
    await gateway.complete(ask(max_tokens=77))
    asked = seen_by(server)["asked"]
    assert asked[wanted] == 77 and "stream_options" not in asked


async def test_a_tenants_own_key_is_used_for_its_call_alone_and_shown_nowhere(server, gateway, ask):
    server.script([{"times": 1, "fault": {"status": 400, "message": f"not with {OWN_KEY} or {KEY}"}}])
    with pytest.raises(ModelError, match=r"not with \*\*\* or \*\*\*") as caught:
        await gateway.complete(ask(api_key=OWN_KEY))
    assert OWN_KEY not in "".join(traceback.format_exception(caught.value)) + repr(ask(api_key=OWN_KEY))
    await gateway.complete(ask())
    assert [entry["key_ends"] for entry in server.log()] == [OWN_KEY[-4:], KEY[-4:]]
