"""A small load generator: keep-alive HTTP/1.1 connections on raw asyncio streams, so that it costs less than what it measures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Requests a second over the whole run; latencies in seconds."""

    name: str
    per_s: float
    p50_s: float
    p95_s: float
    failed: int
    p99_s: float = 0.0


Request = Callable[[int], bytes]


def request(method: str, path: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def measure(
    name: str, port: int, make: Request, *, seconds: float, connections: int, warm_s: float = 1.0, most: int = 20_000
) -> Result:
    """Ask for `seconds` after a warm-up, at most `most` times."""
    return asyncio.run(_measure(name, port, make, seconds, connections, warm_s, most))


async def _measure(
    name: str, port: int, make: Request, seconds: float, connections: int, warm_s: float, most: int
) -> Result:
    took: list[float] = []
    failed = 0
    number = 0
    start = time.perf_counter() + warm_s
    end = start + seconds

    async def one() -> None:
        nonlocal failed, number
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end and number < most:
            number += 1
            writer.write(make(number))
            status = await _answer(reader)
            if began >= start:
                took.append(time.perf_counter() - began)
                failed += status >= 400
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    ordered = sorted(took)
    spent = min(time.perf_counter(), end) - start
    p50, p95, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.95, 0.99))
    return Result(name, len(took) / spent, p50, p95, failed, p99)


async def _answer(reader: asyncio.StreamReader) -> int:
    """Reads one whole response; returns its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    at = head.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(head[at + 15 : head.index(b"\r\n", at)]))
        return status
    while size := int((await reader.readuntil(b"\r\n")).strip(), 16):
        await reader.readexactly(size + 2)
    await reader.readexactly(2)
    return status
