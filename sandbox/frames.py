"""Frames between keeper and child: four bytes of length, then JSON. JSON because the child is not trusted."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import IO, Any

HEADER = struct.Struct("!I")
FRAME_LIMIT_BYTES = 256 * 1024 * 1024


def pack(value: dict[str, Any]) -> bytes:
    body = json.dumps(value).encode()
    return HEADER.pack(len(body)) + body


def write_frame(pipe: IO[bytes], value: dict[str, Any]) -> None:
    pipe.write(pack(value))
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> dict[str, Any] | None:
    """None when the other side has closed."""
    header = pipe.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    value: dict[str, Any] = json.loads(pipe.read(HEADER.unpack(header)[0]))
    return value


async def receive(reader: asyncio.StreamReader) -> dict[str, Any]:
    """
    Raises:
        EOFError: the child is gone. ValueError: not a frame, or one too large to be true.
    """
    try:
        (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
        if length > FRAME_LIMIT_BYTES:
            raise ValueError(f"a frame of {length} bytes; the limit is {FRAME_LIMIT_BYTES}")
        value = json.loads(await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        raise EOFError("the child has ended") from None
    if not isinstance(value, dict):
        raise ValueError("a frame that is not an object")
    return value
