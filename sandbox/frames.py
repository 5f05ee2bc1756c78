"""
Frames between keeper and child: two lengths, a JSON object, then its blobs one after the other.

JSON and not pickle, because the child is not trusted; blobs beside it, because base64 would hold up the event loop.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import IO, Any

HEADER = struct.Struct("!II")


@dataclass(frozen=True)
class Frame:
    value: dict[str, Any]
    blobs: tuple[bytes, ...] = ()


def pack(value: dict[str, Any], blobs: Sequence[bytes] = ()) -> list[bytes]:
    """Pieces to be written in this order; the blobs themselves are not copied."""
    sizes = [len(blob) for blob in blobs]
    body = json.dumps({"value": value, "sizes": sizes}).encode()
    return [HEADER.pack(len(body), sum(sizes)) + body, *blobs]


def unpack(body: bytes, rest: bytes) -> Frame:
    """
    Raises:
        ValueError: not a frame.
    """
    try:
        found = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    match found:
        case {"value": dict() as value, "sizes": list() as sizes} if _fit(sizes, len(rest)):
            edges = accumulate(sizes, initial=0)
            return Frame(value, tuple(rest[start:end] for start, end in pairwise(edges)))
    raise ValueError("not a frame")


def _fit(sizes: list[Any], total: int) -> bool:
    return all(type(size) is int and size >= 0 for size in sizes) and sum(sizes) == total


def write_frame(pipe: IO[bytes], value: dict[str, Any], blobs: Sequence[bytes] = ()) -> None:
    pipe.writelines(pack(value, blobs))
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> Frame | None:
    """None when the other side has closed."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    body_bytes, rest_bytes = HEADER.unpack(header)
    return unpack(pipe.read(body_bytes), pipe.read(rest_bytes))


async def receive(reader: asyncio.StreamReader, limit_bytes: int) -> Frame:
    """
    Raises:
        EOFError: the child is gone. ValueError: not a frame, or larger than `limit_bytes`.
    """
    body_bytes, rest_bytes = HEADER.unpack(await reader.readexactly(HEADER.size))
    if body_bytes + rest_bytes > limit_bytes:
        raise ValueError(f"a frame of {body_bytes + rest_bytes} bytes; the limit is {limit_bytes}")
    return unpack(await reader.readexactly(body_bytes), await reader.readexactly(rest_bytes))
