"""
Every server that speaks OpenAI's chat protocol against what its documentation says: wire/<provider>.json holds the
parameters that it names and a stream that it shows, with source and date; what could not be found is null there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workers.gateway.catalogue import SHIPPED, Catalogue
from workers.gateway.providers.openai_prompt import body_of
from workers.gateway.providers.openai_reply import OpenAIParts
from workers.gateway.providers.reply import ErrorEvent, parsed
from workers.gateway.types import ModelRequest, Usage

CATALOGUE = Catalogue.load(SHIPPED, {})
WIRE = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).with_name("wire").iterdir()}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
TOOL = {"name": "f", "description": "", "parameters": {"type": "object"}}


def having(what: str) -> list[Any]:
    return [pytest.param(record, id=name) for name, record in sorted(WIRE.items()) if record[what]]


def fullest_request(provider: str) -> ModelRequest:
    """All that may be asked of it: effort only where one of its models reasons."""
    abilities = [model.capabilities for model in CATALOGUE.providers[provider].models.values() if not model.protocol]
    return ModelRequest(
        purpose="complete",
        provider=provider,
        model="m",
        messages=[{"role": "user", "content": "Why?"}],
        query="Why?",
        tools=[TOOL],
        schema=SCHEMA if any("schema" in able for able in abilities) else None,
        effort="high" if any("reasoning" in able for able in abilities) else None,
    )


def test_every_such_provider_has_its_record():
    speaking = {name for name, entry in CATALOGUE.providers.items() if entry.protocol == "openai"}
    assert set(WIRE) == speaking
    for name, record in WIRE.items():
        assert record["provider"] == name and record["source"] and record["read_at"]
        assert record["checked"] == [what for what in ("parameters", "stream") if record[what]]


@pytest.mark.parametrize("record", having("parameters"))
def test_a_request_has_only_parameters_that_the_documentation_names(record):
    provider = record["provider"]
    body = body_of(fullest_request(provider), CATALOGUE.providers[provider].dialect)
    assert set(body) <= set(record["parameters"]) - set(record["deprecated"])


@pytest.mark.parametrize("record", having("stream"))
def test_a_documented_stream_is_understood(record):
    parts = OpenAIParts()
    text = "".join(parts.take(chunk) for chunk in record["stream"])
    tools = [[call.id, call.name, parsed(call.arguments)] for call in parts.calls]
    usage = record["expect"]["usage"] and Usage(*record["expect"]["usage"])
    expected = (record["expect"]["text"], record["expect"]["finish"], record["expect"]["tools"], usage)
    assert (text, parts.finish, tools, parts.usage()) == expected


def test_an_error_in_the_middle_of_a_documented_stream_is_one():
    with pytest.raises(ErrorEvent, match="Provider disconnected unexpectedly"):
        OpenAIParts().take(WIRE["openrouter"]["error"])
