"""Vectors of texts: in their order, checked, at their cost; the same errors as for other calls."""

from __future__ import annotations

import math

import pytest

from tests.integration.gateway.conftest import PROTOCOLS
from workers.gateway.errors import ModelRefused, ModelReplyInvalid, ModelReplyMalformed, NoModel
from workers.gateway.tokens import BoundUsage
from workers.gateway.types import EmbedRequest, Usage


@pytest.fixture
def protocol():
    return PROTOCOLS[0]


def request_of(*texts: str, provider: str = "openai", dimensions: int | None = None) -> EmbedRequest:
    return EmbedRequest(provider, "text-embedding-3-small", texts, dimensions=dimensions, timeout_s=20)


async def test_each_text_has_its_vector_in_their_order(server, gateway):
    one, two, again = (await gateway.embed(request_of("one", "two", "one"))).vectors
    assert one == again != two and math.isclose(math.hypot(*one), 1)
    assert (await gateway.embed(request_of("two"))).vectors == [two]


async def test_the_length_and_the_cost_are_as_told(server, gateway):
    server.script([{"reply": {"usage": {"prompt_tokens": 5, "completion_tokens": 0}}}])
    reply = await gateway.embed(request_of("one", dimensions=8))
    assert (len(reply.vectors[0]), reply.usage) == (8, Usage(5))


async def test_a_cost_that_nobody_tells_is_the_bound(server, gateway):
    server.script([{"reply": {"usage": False}}])
    usage = (await gateway.embed(request_of("grüße"))).usage
    assert isinstance(usage, BoundUsage) and usage.prompt_tokens >= 7 and usage.completion_tokens == 0


@pytest.mark.parametrize("vectors", [[[1.0]], [[1.0], [1.0, 2.0]], [[], []], [[1.0], [float("inf")]]])
async def test_vectors_that_cannot_be_used_are_an_error_with_its_cost(server, gateway, vectors):
    server.script([{"reply": {"vectors": vectors}}])
    with pytest.raises(ModelReplyInvalid) as caught:
        await gateway.embed(request_of("one", "two"))
    assert caught.value.sent and caught.value.usage


@pytest.mark.parametrize("vectors", [["text"], [None], [[None]], [[{}]]])
async def test_what_is_no_vector_is_malformed(server, gateway, vectors):
    server.script([{"reply": {"vectors": vectors}}])
    with pytest.raises(ModelReplyMalformed):
        await gateway.embed(request_of("one"))


async def test_an_answer_that_is_no_json_is_malformed(server, gateway):
    server.script([{"fault": {"malformed": True}}])
    with pytest.raises(ModelReplyMalformed):
        await gateway.embed(request_of("one"))


async def test_what_the_server_refuses_is_refused(gateway):
    with pytest.raises(ModelRefused, match="none empty"):
        await gateway.embed(request_of(""))


async def test_a_provider_without_embeddings_is_told(gateway):
    with pytest.raises(NoModel, match="anthropic"):
        await gateway.embed(request_of("one", provider="anthropic"))
