"""A provider behind limits that workers share, whose health the test decides."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

from workers.gateway.entries import BreakerLimits, Provider
from workers.gateway.errors import ModelOverloaded
from workers.gateway.resilience import Limits
from workers.gateway.shared import SharedGuards


class Acme:
    """
    Args:
        limits: per_minute, connections, failures, recovery_s.
    Attributes:
        down: calls that arrive now fail.
        arrived: the moments at which calls reached it.
        gate: no answer leaves while it is shut.
    """

    def __init__(self, **limits: float) -> None:
        self.name = f"acme-{uuid4().hex[:8]}"
        given = {"per_minute": 60_000, "connections": 5000, "failures": 3, "recovery_s": 0.3, **limits}
        self.settings = Provider(
            protocol="openai",
            requests_per_minute=int(given["per_minute"]),
            connections=int(given["connections"]),
            breaker=BreakerLimits(failures=int(given["failures"]), recovery_s=given["recovery_s"]),
            models={},
        )
        self.down, self.takes_s = False, 0.0
        self.arrived: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def at(self, worker: SharedGuards, key: str | None = None) -> Limits:
        return worker(self.name, self.settings, key)

    async def call(self, worker: SharedGuards, *, wait_s: float = 30, key: str | None = None) -> None:
        async with self.at(worker, key).call(wait_s=wait_s):
            self.arrived.append(time.monotonic())
            down = self.down
            await asyncio.sleep(self.takes_s)
            await self.gate.wait()
            if down:
                raise ModelOverloaded("down", sent=True)
