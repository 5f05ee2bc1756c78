"""Each way a provider can fail becomes one error that says whether to try again and whether it may be billed."""

from __future__ import annotations

import asyncio
import traceback

import pytest

from tests.integration.gateway.conftest import KEY
from tests.support.farm import eventually
from workers.gateway.errors import (
    BreakerOpen,
    ModelCredentialsRefused,
    ModelError,
    ModelGone,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelReplyInvalid,
    ModelReplyMalformed,
    ModelTimeout,
    ModelUnreachable,
)

TEXT = {"text": "one two three four five six seven eight nine ten", "chunks": 10}


@pytest.mark.parametrize(
    ("fault", "kind", "sent"),
    [
        ({"status": 400}, ModelRefused, False),
        ({"status": 401}, ModelCredentialsRefused, False),
        ({"status": 403}, ModelCredentialsRefused, False),
        ({"status": 404}, ModelGone, False),
        ({"status": 429}, ModelRateLimited, False),
        ({"status": 500}, ModelOverloaded, False),
        ({"status": 502}, ModelOverloaded, True),
        ({"status": 503}, ModelOverloaded, False),
        ({"status": 504}, ModelOverloaded, True),
        ({"status": 529}, ModelOverloaded, False),
        ({"break_after_chunks": 4}, ModelOverloaded, True),
        ({"drop_after_chunks": 0}, ModelUnreachable, True),
        ({"drop_after_chunks": 4}, ModelUnreachable, True),
        ({"hang_s": 0.05}, ModelUnreachable, True),
        ({"malformed": True}, ModelReplyMalformed, True),
    ],
)
async def test_a_fault_is_translated_and_tried_once(server, gateway, ask, fault, kind, sent):
    server.script([{"reply": TEXT, "fault": fault}])
    with pytest.raises(ModelError) as caught:
        await gateway.complete(ask())
    assert (type(caught.value), caught.value.sent) == (kind, sent)
    assert len(server.log()) == 1, "attempts are the engine's"


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_the_key_is_in_no_error_even_if_the_provider_repeats_it(server, gateway, ask, status):
    server.script([{"fault": {"status": status, "message": f"Incorrect API key provided: {KEY}"}}])
    with pytest.raises(ModelError) as caught:
        await gateway.complete(ask())
    assert KEY not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)


async def test_the_provider_says_when_to_come_back(server, gateway, ask):
    server.script([{"fault": {"status": 429, "retry_after_s": 7}}])
    with pytest.raises(ModelRateLimited) as caught:
        await gateway.complete(ask())
    assert (caught.value.retry_after_s, caught.value.kind) == (7.0, "resource")


async def test_where_nobody_listens_nothing_was_sent(connect, ask):
    gateway = await connect(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelUnreachable) as caught:
        await gateway.complete(ask())
    assert (caught.value.sent, caught.value.kind) == (False, "network")


async def test_a_name_that_does_not_exist_is_told_as_unreachable(connect, ask):
    gateway = await connect(base_url="http://nobody.invalid/v1")
    with pytest.raises(ModelUnreachable) as caught:
        await gateway.complete(ask())
    assert caught.value.sent is False


async def test_a_wrong_address_is_told(server, connect, ask):
    gateway = await connect(base_url=f"{server.root_url}/elsewhere")
    with pytest.raises(ModelRefused, match="404"):
        await gateway.complete(ask())


@pytest.mark.parametrize("rule", [{"fault": {"hang_s": 30}}, {"reply": {**TEXT, "chunk_delay_s": 0.5}}])
async def test_the_time_limit_covers_waiting_and_streaming_and_closes_the_connection(server, gateway, ask, rule):
    server.script([rule])
    with pytest.raises(ModelTimeout) as caught:
        await gateway.complete(ask(timeout_s=1))
    assert (caught.value.sent, caught.value.kind) == (True, "timeout")
    await asyncio.to_thread(eventually, lambda: server.log()[0]["outcome"] == "disconnected")


async def test_an_empty_answer_is_an_error_with_its_cost(server, gateway, ask):
    server.script([{"reply": {"text": "", "usage": {"prompt_tokens": 5, "completion_tokens": 3}}}])
    with pytest.raises(ModelReplyInvalid) as caught:
        await gateway.complete(ask())
    assert caught.value.usage and caught.value.usage.total_tokens == 8


async def test_a_prompt_that_cannot_be_encoded_is_refused_before_it_is_sent(server, gateway, ask):
    with pytest.raises(ModelRefused) as caught:
        await gateway.complete(ask(messages=[{"role": "user", "content": "\ud800"}]))
    assert caught.value.sent is False and server.log() == []


async def test_cancelling_a_stream_closes_its_connection(server, gateway, ask):
    server.script([{"reply": {**TEXT, "chunk_delay_s": 0.5}}])
    streaming = asyncio.Event()

    async def on_delta(_piece: str) -> None:
        streaming.set()

    call = asyncio.create_task(gateway.complete(ask(on_delta=on_delta)))
    await asyncio.wait_for(streaming.wait(), 30)
    await cancelled(call)
    await asyncio.to_thread(eventually, lambda: server.log()[0]["outcome"] == "disconnected")


async def test_a_listener_that_fails_closes_the_connection(server, gateway, ask):
    server.script([{"reply": {**TEXT, "chunk_delay_s": 0.5}}])

    async def on_delta(_piece: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as kept:
        await gateway.complete(ask(on_delta=on_delta))
    await asyncio.to_thread(eventually, lambda: server.log()[0]["outcome"] == "disconnected")
    assert kept.tb, "whoever keeps the error keeps its frames: nothing may depend on their end"


async def test_cancelling_before_the_first_byte_closes_the_connection_too(server, gateway, ask):
    with server.held():
        call = asyncio.create_task(gateway.complete(ask()))
        await asyncio.to_thread(eventually, server.log)
        await cancelled(call)
        await asyncio.to_thread(eventually, lambda: server.log()[0]["outcome"] == "disconnected")
    assert (await gateway.complete(ask())).text, "the gateway goes on"


async def cancelled(call: asyncio.Task[object]) -> None:
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_the_breaker_opens_and_a_single_probe_closes_it(server, connect, ask):
    gateway = await connect(breaker="{failures: 2, recovery_s: 1}")
    server.script([{"fault": {"status": 500}, "times": 2}])
    for _ in range(2):
        with pytest.raises(ModelOverloaded):
            await gateway.complete(ask())
    with pytest.raises(BreakerOpen) as caught:
        await gateway.complete(ask())
    assert caught.value.sent is False and len(server.log()) == 2

    await asyncio.to_thread(eventually, lambda: not gateway.down())
    with server.held():
        probe, *others = [asyncio.create_task(gateway.complete(ask())) for _ in range(6)]
        for end in await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 30):
            assert isinstance(end, BreakerOpen)
        await asyncio.to_thread(eventually, lambda: len(server.log()) == 3)
    assert (await probe).text
    await asyncio.gather(*(gateway.complete(ask()) for _ in range(6)))
    assert len(server.log()) == 9
