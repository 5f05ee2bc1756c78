"""
A worker process at a provider that is dead, for tests that need real ones.

`python -m tests.support.caller REDIS_URL PROVIDER RECOVERY_S ANSWER_S` calls all the time, from ten places. Each call
that reaches the provider prints the moment, by the machine's monotonic clock, and fails after ANSWER_S.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from workers.gateway.entries import BreakerLimits, Provider
from workers.gateway.errors import ModelError, ModelOverloaded
from workers.gateway.line import Line
from workers.gateway.shared import SharedGuards


async def main(url: str, name: str, recovery_s: float, answer_s: float) -> None:
    limits = BreakerLimits(failures=3, recovery_s=recovery_s)
    settings = Provider(protocol="openai", requests_per_minute=60_000, connections=100, breaker=limits, models={})
    guards = SharedGuards(Line.to(url, connections=10))

    async def keep_calling() -> None:
        while True:
            with suppress(ModelError):
                async with guards(name, settings, None).call(wait_s=1):
                    print("arrived", time.monotonic(), flush=True)
                    await asyncio.sleep(answer_s)
                    raise ModelOverloaded("dead", sent=True)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(keep_calling() for _ in range(10)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
