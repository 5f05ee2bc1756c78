"""Owners take turns; nothing that is free gets lost, whoever gives up waiting."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.errors import TooManyWait
from sandbox.turns import Turns


async def test_what_is_free_is_taken_at_once_the_oldest_first() -> None:
    turns: Turns[int] = Turns(1)
    turns.put(1)
    turns.put(2)
    assert [await turns.get("a"), await turns.get("b")] == [1, 2]


async def test_owners_take_turns_and_each_has_its_order() -> None:
    turns: Turns[int] = Turns(10)
    got: list[str] = []

    async def wait(name: str) -> None:
        await turns.get(name[0])
        got.append(name)

    async with asyncio.TaskGroup() as group:
        for name in ("a1", "a2", "a3", "b1", "c1", "b2"):
            group.create_task(wait(name))
            await asyncio.sleep(0)
        for thing in range(6):
            turns.put(thing)
    assert got == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_one_owner_may_not_wait_without_end() -> None:
    turns: Turns[int] = Turns(1)
    waiting = asyncio.create_task(turns.get("a"))
    await asyncio.sleep(0)
    with pytest.raises(TooManyWait, match="1 runs of this owner"):
        await turns.get("a")
    turns.put(5)
    assert await waiting == 5


async def test_who_gives_up_takes_nothing_along() -> None:
    turns: Turns[int] = Turns(10)
    first, second, third = [asyncio.create_task(turns.get(owner)) for owner in "aab"]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    turns.put(1)  # for `second`, which gives up in the same moment
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await third == 1
    turns.put(2)
    assert await turns.get("a") == 2
