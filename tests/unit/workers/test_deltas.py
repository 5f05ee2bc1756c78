"""What calls say while they run, on its way to the readers."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from redis.exceptions import RedisError

from tests.support.claimed import claimed
from webapp.common.wakeups import DELTA, OUTPUT
from workers import deltas
from workers.deltas import OUTPUT_CHARS, PIECE_CHARS, Deltas, Printer, Speaker


class Channels:
    """Stands for Redis: keeps what is published; `away` lets that many messages fail."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.away = 0

    async def publish(self, channel: str, message: str) -> None:
        if self.away:
            self.away -= 1
            raise RedisError
        self.sent.append((channel, json.loads(message)))

    def on(self, channel: str) -> list[Any]:
        return [piece for name, pieces in self.sent if name == channel for piece in pieces]


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Channels:
    made = Channels()
    one = Deltas(cast(Any, made))
    monkeypatch.setattr(deltas, "EVERY_S", 0)
    monkeypatch.setattr(deltas, "_deltas", lambda: one)
    return made


async def sent() -> None:
    """Until all that was said has gone."""
    async with asyncio.timeout(30):
        while deltas._deltas()._sending:
            await asyncio.sleep(0)


async def test_models_and_tools_have_channels_of_their_own(channels: Channels) -> None:
    step = claimed(4)
    Speaker(step).say("Hello")
    Printer(step, "python_executor").say("stdout", "1\n")
    await sent()
    task = str(step.task)
    assert channels.sent == [
        (DELTA, [[task, "a", "Hello"]]),
        (OUTPUT, [[task, "a", 4, "python_executor", "stdout", "1\n"]]),
    ]


async def test_what_is_said_in_one_go_is_one_piece_for_each_stream_of_a_call(channels: Channels) -> None:
    first, second = Printer(claimed(4), "python_executor"), Printer(claimed(5), "python_executor")
    for printer, stream, text in ((first, "stdout", "1"), (first, "stderr", "x"), (second, "stdout", "y")):
        printer.say(stream, text)
    first.say("stdout", "2")
    await sent()
    assert [piece[2:] for piece in channels.on(OUTPUT)] == [
        [4, "python_executor", "stdout", "12"],
        [4, "python_executor", "stderr", "x"],
        [5, "python_executor", "stdout", "y"],
    ]


async def test_pieces_messages_and_calls_are_bounded(channels: Channels) -> None:
    for n in range(25):
        Printer(claimed(n), "python_executor").say("stdout", "x" * (PIECE_CHARS + 1))
    await sent()
    assert [len(pieces) for _, pieces in channels.sent] == [10, 10, 5]
    assert {len(piece[-1]) for piece in channels.on(OUTPUT)} == {PIECE_CHARS}
    channels.sent.clear()
    endless = Printer(claimed(), "python_executor")
    for _ in range(2 * OUTPUT_CHARS // PIECE_CHARS):
        endless.say("stdout", "x" * PIECE_CHARS)
        await sent()
    assert sum(len(piece[-1]) for piece in channels.on(OUTPUT)) == OUTPUT_CHARS


async def test_who_hears_the_whole_result_hears_no_more_pieces(channels: Channels) -> None:
    printer = Printer(claimed(), "python_executor")
    printer.say("stdout", "1")
    printer.say("stderr", "2")
    printer.stop()
    await sent()
    assert channels.sent == []


async def test_without_redis_text_is_lost_and_nothing_else(channels: Channels) -> None:
    channels.away = 1
    printer = Printer(claimed(), "python_executor")
    printer.say("stdout", "lost")
    await sent()
    printer.say("stdout", "heard")
    await sent()
    assert [piece[-1] for piece in channels.on(OUTPUT)] == ["heard"]
