"""Frames between keeper and child, and the verdict on a run."""

import asyncio
import io

import pytest

from sandbox.frames import pack, read_frame, receive
from sandbox.limits import Limits
from sandbox.runtime import judge


def reader(data: bytes) -> asyncio.StreamReader:
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


async def test_a_frame_arrives_as_it_was_sent() -> None:
    value = {"text": "\u00e4\0", "n": [1, None]}
    assert read_frame(io.BytesIO(pack(value))) == value == await receive(reader(pack(value)))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EOFError),
        (b"\0\0", EOFError),
        (b"\0\0\0\x09{", EOFError),
        (b"\xff\xff\xff\xff", ValueError),
        (b"\0\0\0\x022]", ValueError),
        (b"\0\0\0\x0212", ValueError),
    ],
)
async def test_what_is_no_frame_is_an_error_and_never_a_result(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await receive(reader(data))


@pytest.mark.parametrize(
    ("answer", "trap", "exceeded", "wall_s", "status"),
    [
        ({}, None, None, 0.1, "ok"),
        ({"error": "Traceback", "kind": "ValueError"}, None, None, 0.1, "error"),
        ({"error": "Traceback", "kind": "MemoryError"}, None, None, 0.1, "memory"),
        ({}, "wasm trap: interrupt", None, 30.1, "timeout"),
        ({}, "wasm trap: unreachable", None, 0.1, "crash"),
        ({}, "wasm trap: interrupt", "too much", 0.1, "output"),
    ],
)
def test_the_verdict(
    answer: dict[str, str], trap: str | None, exceeded: str | None, wall_s: float, status: str
) -> None:
    assert judge(answer, trap, exceeded, wall_s, Limits())[0] == status
