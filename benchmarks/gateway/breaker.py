"""
A dead provider under load from several worker processes, and what the shared limits cost.

    python -m benchmarks.gateway.breaker [--workers 4] [--seconds 20] [--recovery 2] [--calls-per-s 200] [--flush]

Starts a Valkey and a scripted model server of its own. The server's log is the witness for what reaches it. Once all
workers are at work it answers 500 to everything, and is well again after half of the time. Exits 1 when more than one
probe reached it within a recovery period, or when the breaker did not close.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

import structlog

from benchmarks.engine.figures import cpu_s
from tests.support.model_server import ModelServer
from tests.support.own_valkey import OwnValkey
from tests.support.services import ROOT, die_with_parent
from webapp.common.breakers import BreakerState, breaker_states
from workers.gateway.entries import BreakerLimits, Provider
from workers.gateway.resilience import LocalGuards
from workers.gateway.shared import SharedGuards

FAILURES = 5
START_S = 30.0
DOWN = 0.5  # of the time
WARM = 20  # answers per worker before the outage
CALLS = 10_000
ALONE = 2_000


@dataclass(frozen=True)
class Outage:
    """Moments in seconds since 1970. `closed_at` is None when it did not close in time."""

    dead_at: float
    opened_at: float
    well_at: float
    closed_at: float | None


def main() -> int:
    options = parsed()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    valkey, server = OwnValkey(), ModelServer()
    try:
        broken = dead_provider(options, valkey, server)
        asyncio.run(cost(valkey))
        return int(broken)
    finally:
        server.stop()
        valkey.stop()


def parsed() -> argparse.Namespace:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--workers", type=int, default=4, help="processes (default: 4)")
    given.add_argument("--seconds", type=float, default=20, help="of calling (default: 20)")
    given.add_argument("--recovery", type=float, default=2, help="seconds until a probe (default: 2)")
    given.add_argument("--calls-per-s", type=float, default=200, help="of all workers together (default: 200)")
    given.add_argument(
        "--flush", action="store_true", help="Redis forgets everything, about once in each recovery period"
    )
    return given.parse_args()


# --- a dead provider ---


def dead_provider(options: argparse.Namespace, valkey: OwnValkey, server: ModelServer) -> bool:
    crew = [launched(options, valkey, server) for _ in range(options.workers)]
    outage = watched(options, valkey, server)
    ends: Counter[str] = Counter()
    for process in crew:
        told, _ = process.communicate()
        ends.update(json.loads(told))
    return reported(options, outage, [entry["started_at"] for entry in server.log()], ends)


def launched(options: argparse.Namespace, valkey: OwnValkey, server: ModelServer) -> subprocess.Popen[str]:
    rate = options.calls_per_s / options.workers
    times = ["--calls-per-s", f"{rate}", "--seconds", f"{options.seconds}"]
    env = {
        **os.environ,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE": "1000000",
        "CONFIG__PROVIDERS__OPENAI__BREAKER": f"{{failures: {FAILURES}, recovery_s: {options.recovery}}}",
    }
    command = [sys.executable, "-m", "benchmarks.gateway.caller", "--redis", valkey.url, *times]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)


def watched(options: argparse.Namespace, valkey: OwnValkey, server: ModelServer) -> Outage:
    deadline = time.monotonic() + START_S
    while len(server.log()) < WARM * options.workers:
        if time.monotonic() > deadline:
            raise SystemExit(f"The workers do not call within {START_S:g} s")
        time.sleep(0.1)
    server.script([{"fault": {"status": 500}}])
    dead_at = time.time()
    first = until(valkey, "open", options.seconds)
    if first is None or first.since is None:
        raise SystemExit("The breaker did not open")
    well_from = time.monotonic() + options.seconds * DOWN + options.recovery / 2  # not just when a probe is due
    while (left_s := well_from - time.monotonic()) > 0:
        time.sleep(min(left_s, options.recovery * 0.9))
        if options.flush:
            valkey.client.flushall()
    server.script([])
    well_at = time.time()
    closed = until(valkey, "closed", options.recovery * 2 + 5)
    return Outage(dead_at, first.since.timestamp(), well_at, closed and closed.since and closed.since.timestamp())


def until(valkey: OwnValkey, state: str, within_s: float) -> BreakerState | None:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = next(iter(breaker_states(valkey.client)), None)
        if found and found.state == state:
            return found
        time.sleep(0.005)
    return None


def reported(options: argparse.Namespace, outage: Outage, arrived: list[float], ends: Counter[str]) -> bool:
    """
    Whether a promise was broken. What had passed the breaker before it opened may arrive a little later: it counts as
    on its way in the first half of the first period, in which nothing else may come.
    """
    before = [at for at in arrived if outage.dead_at < at <= outage.opened_at]
    first_s = options.recovery / 2
    on_way = [at - outage.opened_at for at in arrived if 0 < at - outage.opened_at <= first_s]
    probes = [at for at in arrived if outage.opened_at + first_s < at <= (outage.closed_at or outage.well_at)]
    most = max((sum(at <= other < at + options.recovery for other in probes) for at in probes), default=0)
    gaps = [b - a for a, b in itertools.pairwise(probes)]
    print(
        f"{options.workers} workers, {options.calls_per_s:g} calls/s, recovery {options.recovery:g} s, dead for ",
        end="",
    )
    print(f"{outage.well_at - outage.opened_at:.1f} s{', Redis forgets' if options.flush else ''}")
    print(f"  calls tried                        {ends['tried']:>8}")
    print(f"  reached it before it was open      {len(before):>8}   (it opens at {FAILURES})")
    print(f"  on their way when it opened        {len(on_way):>8}   (the last {max(on_way, default=0):.3f} s later)")
    print(f"  probes while it was open           {len(probes):>8}")
    print(f"  probes in a recovery period, most  {most:>8}   (promised: 1)")
    print(f"  shortest time between two probes   {min(gaps, default=0):>8.2f} s")
    print(f"  refused at once                    {ends['refused']:>8}")
    print(f"  answered before and after          {ends['answered']:>8}")
    print(f"  CPU of the workers, start included {ends['cpu_s'] / options.workers:>8.2f} s each")
    if outage.closed_at is None:
        print("  it did not close again")
        return True
    print(f"  closed after it came back          {outage.closed_at - outage.well_at:>8.2f} s")
    return most > 1


# --- what it costs ---


async def cost(valkey: OwnValkey) -> None:
    """Admissions alone: nothing is sent, each call ends at once and well."""
    limits = BreakerLimits(failures=FAILURES, recovery_s=1)
    settings = Provider(
        protocol="openai", requests_per_minute=100_000_000, connections=CALLS, breaker=limits, models={}
    )
    shared, local = SharedGuards.to(valkey.url, connections=10), LocalGuards()
    print(f"\n{'an admission':34}{'per s':>10}{'CPU us':>10}{'of Redis us':>14}{'messages':>11}")
    for name, guards, calls, at_once in (
        ("shared, one after the other", shared, ALONE, False),
        (f"shared, {CALLS:,} at once", shared, CALLS, True),
        (f"this process alone, {CALLS:,} at once", local, CALLS, True),
    ):

        async def one(guards: SharedGuards | LocalGuards = guards) -> None:
            async with guards("bench", settings, None).call(wait_s=30):
                pass

        before = time.perf_counter(), time.process_time(), cpu_s([valkey.pid]), valkey.messages()
        if at_once:
            await asyncio.gather(*(one() for _ in range(calls)))
        else:
            for _ in range(calls):
                await one()
        after = time.perf_counter(), time.process_time(), cpu_s([valkey.pid]), valkey.messages()
        took_s, own_s, redis_s, messages = (b - a for a, b in zip(before, after, strict=True))
        each = own_s / calls * 1e6, redis_s / calls * 1e6
        print(f"{name:34}{calls / took_s:>10,.0f}{each[0]:>10.1f}{each[1]:>14.1f}{messages:>11,}")
    await shared.close()


if __name__ == "__main__":
    sys.exit(main())
