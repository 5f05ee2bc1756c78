"""What swallows a cancellation does not keep its task alive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from workers.cancelling import obeyed


async def swallows() -> str:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        pass
    return "sent"


async def fails() -> str:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        raise ConnectionError from None
    return "sent"


async def heeds() -> str:
    await asyncio.sleep(30)
    return "sent"


@pytest.mark.parametrize("call", [swallows, fails, heeds])
async def test_a_cancelled_task_ends_there(call: Callable[[], Awaitable[str]]) -> None:
    async def asks() -> str:
        with obeyed():
            return await call()

    task = asyncio.create_task(asks())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_deadline_around_it_is_one() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            with obeyed():
                await swallows()


async def test_a_deadline_inside_and_what_was_asked_before_disturb_nothing() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    with obeyed(), pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await heeds()
    assert task.uncancel() == 0
