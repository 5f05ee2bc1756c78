"""Frames: what is packed is read again, and nothing else is."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.frames import HEADER, Frame, pack, read_frame, receive, unpack, write_frame


@given(st.dictionaries(st.text(), st.text()), st.lists(st.binary(max_size=100)))
def test_a_frame_comes_out_as_it_went_in(value: dict[str, str], blobs: list[bytes]) -> None:
    pipe = io.BytesIO()
    write_frame(pipe, value, blobs)
    pipe.seek(0)
    assert read_frame(pipe) == Frame(value, tuple(blobs))
    assert read_frame(pipe) is None


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "7",
        '{"value": {}}',
        '{"value": 1, "sizes": []}',
        '{"value": {}, "sizes": [3]}',
        '{"value": {}, "sizes": [-1, 3]}',
        '{"value": {}, "sizes": [true, 1]}',
        '{"value": {}, "sizes": [2.0]}',
        "{",
        "[" * 100_000,
    ],
)
def test_what_is_no_frame_is_refused(body: str) -> None:
    with pytest.raises(ValueError):
        unpack(body.encode(), b"ab")


async def read(data: bytes, limit_bytes: int = 1000) -> Frame:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await receive(reader, limit_bytes)


async def test_the_keeper_reads_what_the_child_wrote() -> None:
    assert await read(b"".join(pack({"a": "é\0"}, [b"12", b""]))) == Frame({"a": "é\0"}, (b"12", b""))


async def test_a_frame_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="limit is 1000"):
        await read(HEADER.pack(600, 401))


@pytest.mark.parametrize("cut", [0, 3, 12])
async def test_a_child_that_ends_within_a_frame_is_gone(cut: int) -> None:
    with pytest.raises(EOFError):
        await read(b"".join(pack({"a": 1}))[:cut])


def test_sizes_stand_beside_the_value() -> None:
    head, *blobs = pack({}, [b"abc"])
    assert json.loads(head[HEADER.size :])["sizes"] == [3] and blobs == [b"abc"]
