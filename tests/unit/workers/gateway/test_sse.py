"""However the bytes of a stream are cut, its events are the same."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import AsyncIterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.gateway.providers.sse import Splitter, events


def read(*pieces: bytes) -> list[str]:
    splitter = Splitter()
    return [event.decode() for piece in pieces for event in splitter.feed(piece)]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\r\n", ["a", "b", "c"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b": ping\n\nevent: x\nid: 7\nretry: 5\ndata: a\n: inside\n\n", ["a"]),
        (b"event: x\n\n\n\ndata\ndata:\n\n", []),
        ("data: one\u2028line\u0085\n\n".encode(), ["one\u2028line\u0085"]),
        (b"data: whole\n\ndata: cut off\n", ["whole"]),
    ],
)
def test_events_are_what_the_format_says(body, found):
    assert read(body) == found


streams = st.lists(
    st.sampled_from(["data: a", "data: ü\u2028青", "data:", ": c", "event: e", ""]).flatmap(
        lambda line: st.sampled_from([line + end for end in ("\n", "\r\n", "\r")])
    )
).map(lambda lines: "".join(lines).encode())


@given(streams, st.lists(st.integers(0, 60)))
def test_where_the_bytes_are_cut_makes_no_difference(body, cuts):
    places = [0, *sorted(cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]
    assert read(*pieces) == read(body)


class Body(httpx2.AsyncByteStream):
    """A body that never ends by itself."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        await asyncio.Event().wait()


async def test_done_ends_it_even_where_the_connection_stays_open():
    response = httpx2.Response(200, stream=Body(b"data: a\n\ndata: [DONE]\n\ndata: b\n\n"))
    assert [event async for event in events(response)] == [b"a"]


async def test_a_compressed_body_is_read_too():
    whole = gzip.compress(b"data: a\n\ndata: [DONE]\n\n")
    response = httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=Body(whole[:9], whole[9:]))
    assert [event async for event in events(response)] == [b"a"]
