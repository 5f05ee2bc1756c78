"""Embedding calls that wait at the same moment travel together, and each has its own part of what comes back."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from workers.embed_batches import EmbedBatches, shares
from workers.gateway.errors import ModelOverloaded
from workers.gateway.types import EmbedReply, EmbedRequest, Usage

ACME, GLOBEX = uuid4(), uuid4()


class Provider:
    """Each vector is the text's length; a token for each character."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.open = asyncio.Event()
        self.fails = False

    async def embed(self, request: EmbedRequest) -> EmbedReply:
        self.requests.append(list(request.texts))
        if request.on_sending:
            request.on_sending()
        await self.open.wait()
        usage = Usage(sum(map(len, request.texts)))
        if self.fails:
            raise ModelOverloaded("no", sent=True, usage=usage)
        return EmbedReply([[float(len(text))] for text in request.texts], "p", "m", usage)


def request(text: str) -> EmbedRequest:
    return EmbedRequest(provider="p", model="m", texts=[text])


async def requests(provider: Provider, count: int) -> None:
    async with asyncio.timeout(30):
        while len(provider.requests) < count:
            await asyncio.sleep(0.001)


async def test_the_first_goes_alone_at_once_and_the_others_together() -> None:
    provider = Provider()
    batches = EmbedBatches(provider.embed)
    calls = [asyncio.create_task(batches.embed(ACME, request("x" * n))) for n in range(1, 6)]
    await asyncio.sleep(0)
    assert provider.requests == [["x"]]  # without a wait
    await requests(provider, 2)
    provider.open.set()
    replies = await asyncio.gather(*calls)
    assert provider.requests == [["x"], ["xx", "xxx", "xxxx", "xxxxx"]]
    assert [reply.vectors for reply in replies] == [[[float(n)]] for n in range(1, 6)]
    assert sum(reply.usage.prompt_tokens for reply in replies[1:]) == 2 + 3 + 4 + 5


async def test_tenants_never_share_a_request() -> None:
    provider = Provider()
    batches = EmbedBatches(provider.embed)
    calls = [asyncio.create_task(batches.embed(who, request(f"{n}"))) for n in range(3) for who in (ACME, GLOBEX)]
    await requests(provider, 4)
    provider.open.set()
    await asyncio.gather(*calls)
    assert sorted(map(len, provider.requests)) == [1, 1, 2, 2]
    assert all(texts in (["0"], ["1", "2"]) for texts in provider.requests)


async def test_a_failure_is_told_to_each_with_its_share_of_the_bill() -> None:
    provider = Provider()
    provider.fails = True
    batches = EmbedBatches(provider.embed)
    calls = [asyncio.create_task(batches.embed(ACME, request(text))) for text in ("first", "aa", "bb")]
    await requests(provider, 2)
    provider.open.set()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, ModelOverloaded) for error in found)
    assert len({id(error) for error in found}) == 3
    assert [error.usage.prompt_tokens for error in found if isinstance(error, ModelOverloaded) and error.usage] == [
        5,
        2,
        2,
    ]


async def test_who_goes_leaves_the_others_alone_and_the_last_stops_the_request() -> None:
    provider = Provider()
    batches = EmbedBatches(provider.embed)
    told: list[str] = []

    def asking(name: str) -> asyncio.Task[EmbedReply]:
        going = EmbedRequest(provider="p", model="m", texts=[name], on_sending=lambda: told.append(name))
        return asyncio.create_task(batches.embed(ACME, going))

    first, second, third = asking("a"), asking("b"), asking("c")
    await requests(provider, 2)
    second.cancel()
    provider.open.set()
    assert (await third).vectors == [[1.0]] and (await first).vectors == [[1.0]]
    with pytest.raises(asyncio.CancelledError):
        await second
    assert sorted(told) == ["a", "b", "c"]
    provider.open.clear()
    late = [asking("d"), asking("e")]
    await requests(provider, 4)
    for call in late:
        call.cancel()
    await asyncio.wait(late)
    await asyncio.sleep(0.001)
    provider.open.set()
    assert (await asking("f")).vectors == [[1.0]] and provider.requests[-1] == ["f"]


def test_shares_are_the_whole() -> None:
    found = shares(Usage(101), [["a"], ["b" * 10, "c"], ["d" * 100]])
    assert sum(usage.prompt_tokens for usage in found) == 101
    assert found[0].prompt_tokens < found[1].prompt_tokens < found[2].prompt_tokens
