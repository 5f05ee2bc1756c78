"""The one door: unknown providers, time limits, empty answers, usage that nobody reported."""

from __future__ import annotations

import asyncio
import os

import pytest

from workers.gateway import complete
from workers.gateway.catalogue import Catalogue, CatalogueFile
from workers.gateway.complete import Gateway
from workers.gateway.errors import ModelRateLimited, ModelReplyInvalid, ModelTimeout, NoModel
from workers.gateway.tokens import BoundUsage, upper_bound
from workers.gateway.types import ModelReply, ModelRequest, ToolCall, Usage


class Canned:
    """A provider that gives the same answer to all."""

    def __init__(self, *, delay_s: float = 0.0, closed: bool = False, **reply) -> None:
        self.delay_s, self.closed, self.calls = delay_s, closed, 0
        base = {"text": "Because.", "provider": "acme", "model": "plain-1", "usage": Usage(3, 2)}
        self.reply = ModelReply(**{**base, "finish_reason": "stop", **reply})

    async def complete(self, request: ModelRequest) -> ModelReply:
        self.calls += 1
        await asyncio.sleep(self.delay_s)
        return self.reply

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def catalogue(file) -> Catalogue:
    return Catalogue.load(file, {"ACME_KEY": "k"})


async def test_a_reply_passes_as_it_is(catalogue, request_of):
    provider = Canned()
    assert await Gateway(catalogue, {"acme": provider}).complete(request_of()) is provider.reply


async def test_the_sdk_is_there_before_a_client_is_lent(catalogue, request_of, monkeypatch):
    loaded, provider = [], Canned()

    async def load(protocol):
        assert not provider.calls
        loaded.append(protocol)

    monkeypatch.setattr(complete, "sdk_loaded", load)
    await Gateway(catalogue, {"acme": provider}).complete(request_of())
    assert loaded == [catalogue.providers["acme"].protocol] and provider.calls == 1


@pytest.mark.parametrize("name", ["nobody", "offline"])
async def test_a_provider_that_is_not_there_is_told_and_nothing_sent(catalogue, request_of, name):
    with pytest.raises(NoModel, match=name) as caught:
        await Gateway(catalogue, {"acme": Canned()}).complete(request_of(provider=name))
    assert caught.value.sent is False


async def test_the_time_limit_is_for_the_whole_call(catalogue, request_of):
    gateway = Gateway(catalogue, {"acme": Canned(delay_s=30)})
    with pytest.raises(ModelTimeout) as caught:
        await gateway.complete(request_of(timeout_s=0.05))
    assert caught.value.sent is True


async def test_a_call_is_being_sent_when_its_turn_has_come_and_not_before(file, request_of):
    narrow = Catalogue.load(file, {"ACME_KEY": "k", "CONFIG__PROVIDERS__ACME__CONNECTIONS": "1"})
    gateway = Gateway(narrow, {"acme": Canned(delay_s=0.5)})
    sent: list[str] = []
    calls = [gateway.complete(request_of(on_sending=lambda name=name: sent.append(name))) for name in "ab"]
    first, second = map(asyncio.ensure_future, calls)
    await asyncio.sleep(0.01)
    assert sent == ["a"]
    await asyncio.gather(first, second)
    assert sent == ["a", "b"]


@pytest.mark.parametrize("text", ["", " \n"])
async def test_an_empty_reply_is_an_error_that_knows_its_cost(catalogue, request_of, text):
    gateway = Gateway(catalogue, {"acme": Canned(text=text, finish_reason="length")})
    with pytest.raises(ModelReplyInvalid, match="tokens were used up") as caught:
        await gateway.complete(request_of())
    assert (caught.value.sent, caught.value.usage) == (True, Usage(3, 2))


async def test_an_empty_reply_does_not_open_the_breaker(catalogue, request_of):
    gateway = Gateway(catalogue, {"acme": Canned(text="")})
    for _ in range(4):
        with pytest.raises(ModelReplyInvalid):
            await gateway.complete(request_of())


async def test_a_reply_of_tool_calls_alone_is_fine_even_with_arguments_that_cannot_be_read(catalogue, request_of):
    call = ToolCall("c1", "calculator", None, "{oops")
    reply = await Gateway(catalogue, {"acme": Canned(text="", tool_calls=(call,))}).complete(request_of())
    assert reply.tool_calls == (call,)


async def test_the_caller_can_tell_usage_that_is_only_a_bound(catalogue, request_of):
    canned = Canned(usage=upper_bound(request_of()))
    reply = await Gateway(catalogue, {"acme": canned}).complete(request_of())
    assert isinstance(reply.usage, BoundUsage)


async def test_changed_limits_take_effect_without_a_restart(file, request_of):
    file.write_text(file.read_text().replace("requests_per_minute: 1000", "requests_per_minute: 1", 1))
    followed = CatalogueFile(file, {"ACME_KEY": "k"})
    gateway = Gateway(followed.current(), {"acme": Canned()}, current=followed.current)
    await gateway.complete(request_of(timeout_s=1))
    with pytest.raises(ModelRateLimited):
        await gateway.complete(request_of(timeout_s=0.1))
    file.write_text(file.read_text().replace("requests_per_minute: 1\n", "requests_per_minute: 99\n", 1))
    os.utime(file, ns=(1, 1))
    assert (await gateway.complete(request_of(timeout_s=0.1))).text == "Because."


async def test_a_tenants_own_key_has_a_rate_of_its_own(file, request_of):
    file.write_text(file.read_text().replace("requests_per_minute: 1000", "requests_per_minute: 1", 1))
    gateway = Gateway(Catalogue.load(file, {"ACME_KEY": "k"}), {"acme": Canned()})
    for key in (None, "sk-one", "sk-two"):
        await gateway.complete(request_of(timeout_s=1, api_key=key))
        with pytest.raises(ModelRateLimited):
            await gateway.complete(request_of(timeout_s=0.1, api_key=key))


async def test_closing_closes_the_providers_that_keep_connections(catalogue):
    provider = Canned()
    await Gateway(catalogue, {"acme": provider}).close()
    assert provider.closed
