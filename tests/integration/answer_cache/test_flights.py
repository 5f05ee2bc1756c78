"""Equal calls at once, in one process and in two, with the real Valkey: one asks, and nobody hangs on anybody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from redis import Redis

from deploy.embedded.home import free_port
from tests.support.services import Services
from webapp.common.encryption import Vault
from workers.answer_cache.cached import Cached
from workers.answer_cache.flights import Flights
from workers.answer_cache.shelf import Place, Shelf
from workers.gateway.types import Usage

KEPT = Cached("Four.", "openai", "m", "stop", Usage(12, 5), Decimal("0.1"), datetime.now(UTC))
VAULT = Vault(["a" * 32], purpose="answers")


@pytest.fixture
def place() -> Place:
    return Place(uuid4(), uuid4().hex)


@asynccontextmanager
async def process(url: str) -> AsyncIterator[tuple[Flights, Shelf]]:
    shelf = Shelf.to(url, connections=20, vault=VAULT, read=Cached.of_json)
    try:
        yield Flights(shelf), shelf
    finally:
        await shelf.close()


class Model:
    """Counts its calls; answers when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.may_answer = asyncio.Event()
        self.fails = 0

    async def __call__(self) -> Cached:
        self.calls += 1
        number = self.calls
        await self.may_answer.wait()
        if number <= self.fails:
            raise ConnectionError
        return KEPT

    async def called(self, times: int = 1) -> None:
        async with asyncio.timeout(30):
            while self.calls < times:
                await asyncio.sleep(0.005)


async def once(flights: Flights, shelf: Shelf, place: Place, model: Model, *, wait_s: float = 60) -> str:
    async with flights.join(place, wait_s=wait_s) as flight:
        if flight.brought:
            return f"served by {flight.level}"
        answer = await model()
        flight.landed(answer)
        await shelf.keep(place, answer, 60)
        return "asked"


async def test_in_one_process_one_asks_for_all(services: Services, place: Place) -> None:
    model = Model()
    async with process(services.env["REDIS_URL"]) as here:
        calls = [asyncio.create_task(once(*here, place, model)) for _ in range(20)]
        await model.called()
        model.may_answer.set()
        assert sorted(await asyncio.gather(*calls)) == ["asked", *["served by process"] * 19]
    assert model.calls == 1


async def test_in_two_processes_one_asks_for_all(services: Services, place: Place) -> None:
    model, url = Model(), services.env["REDIS_URL"]
    async with process(url) as here, process(url) as there:
        first = asyncio.create_task(once(*here, place, model))
        await model.called()
        others = [asyncio.create_task(once(*there, place, model)) for _ in range(3)]
        await asyncio.sleep(0.05)
        model.may_answer.set()
        assert await first == "asked"
        assert sorted(await asyncio.gather(*others)) == ["served by process", "served by process", "served by redis"]
    assert model.calls == 1


async def test_who_asks_fails_and_one_of_the_others_asks(services: Services, place: Place) -> None:
    model = Model()
    model.fails = 1
    async with process(services.env["REDIS_URL"]) as here:
        calls = [asyncio.create_task(once(*here, place, model)) for _ in range(5)]
        await model.called()
        model.may_answer.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(ends[0], ConnectionError)
    assert sorted(map(str, ends[1:])) == ["asked", *["served by process"] * 3] and model.calls == 2


async def test_while_all_fail_nobody_waits_for_everybody(services: Services, place: Place) -> None:
    model = Model()
    model.fails = 100
    model.may_answer.set()
    async with process(services.env["REDIS_URL"]) as here:
        ends = await asyncio.gather(*(once(*here, place, model) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(end, ConnectionError) for end in ends) and model.calls == 50


async def test_who_asks_is_cancelled_and_the_next_asks_in_the_other_process(services: Services, place: Place) -> None:
    model, url = Model(), services.env["REDIS_URL"]
    async with process(url) as here, process(url) as there:
        first = asyncio.create_task(once(*here, place, model))
        await model.called()
        other = asyncio.create_task(once(*there, place, model))
        first.cancel()
        await model.called(2)
        model.may_answer.set()
        assert await other == "asked"


async def test_who_waits_and_leaves_disturbs_nobody(services: Services, place: Place) -> None:
    model = Model()
    async with process(services.env["REDIS_URL"]) as here:
        calls = [asyncio.create_task(once(*here, place, model)) for _ in range(3)]
        await model.called()
        calls[1].cancel()
        model.may_answer.set()
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [ends[0], ends[2]] == ["asked", "served by process"] and model.calls == 1


async def test_who_has_waited_long_enough_asks(services: Services, place: Place) -> None:
    """In the same process and in another."""
    model, url = Model(), services.env["REDIS_URL"]
    async with process(url) as here, process(url) as there:
        first = asyncio.create_task(once(*here, place, model))
        await model.called()
        late = [asyncio.create_task(once(*each, place, model, wait_s=0.1)) for each in (here, there)]
        await model.called(3)
        model.may_answer.set()
        assert await asyncio.gather(first, *late) == ["asked"] * 3


async def test_an_answer_that_is_not_to_be_shared_sends_the_others_off_at_once(
    services: Services, place: Place
) -> None:
    alone = at_once = most = 0

    async def cut(flights: Flights) -> None:
        nonlocal alone, at_once, most
        async with flights.join(place, wait_s=60) as flight:
            assert flight.brought is None
            alone, at_once = alone + 1, at_once + 1
            most = max(most, at_once)
            await asyncio.sleep(0.05)
            at_once -= 1
            flight.landed(None)

    async with process(services.env["REDIS_URL"]) as (flights, _):
        await asyncio.gather(*(cut(flights) for _ in range(20)))
    assert (alone, most) == (20, 19), "all that waited for the first"


async def test_without_redis_each_process_asks_and_finds_nothing(place: Place) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    model = Model()
    model.may_answer.set()
    async with process(url) as here, process(url) as there:
        assert [await once(*each, place, model) for each in (here, there)] == ["asked", "asked"]
        assert await here[1].find(place) is None


async def test_an_answer_opens_for_its_tenant_and_key_only(services: Services, place: Place, redis: Redis) -> None:
    async with process(services.env["REDIS_URL"]) as (_, shelf):
        await shelf.keep(place, KEPT, 60)
        assert await shelf.find(place) == KEPT
        other = Place(UUID(int=1), place.key)
        redis.copy(f"hartley:answer:{place.tenant}:{place.key}", f"hartley:answer:{other.tenant}:{other.key}")
        assert await shelf.find(other) is None
