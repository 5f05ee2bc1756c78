"""
A provider with a slow tail: how long calls take without hedging and with it, and how many more calls that costs.

    python -m benchmarks.gateway.hedging [--calls 2000] [--at-once 8] [--slow 0.04] [--slow-s 2]

Three scripted servers are the providers of the tier; the one that is asked first is slow at a share of its calls, the
same ones in both runs. Each call is a completion through the engine in one worker process, rows in Postgres (fsync on).
Ends with 1 where the p99 is not halved, where more than 5 % of calls are second ones, where a call that lost its race
was not closed at its server and settled once, or where a call fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.engine.__main__ import owner
from benchmarks.engine.started import started
from benchmarks.gateway.books import Audit, audited
from benchmarks.gateway.crowd import Crowd, percentile
from benchmarks.gateway.running import llm_worker
from benchmarks.gateway.trio import Rules, Seen, Trio, forget_breakers, trio
from tests.support.services import Services

EXTRA_MOST, P99_MOST = 0.05, 0.5
USUAL_S = 0.1
REPLY = {"text": "It is four.", "delay_s": USUAL_S}
WRONG_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """`open_losers`: calls that lost their race and were not closed at their server."""

    p50_s: float
    p95_s: float
    p99_s: float
    failed: int
    open_losers: int
    audit: Audit

    def extra(self, calls: int) -> float:
        return self.audit.hedges / calls


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--calls", type=int, default=2000, help="of each run (default: 2000)")
    given.add_argument("--at-once", type=int, default=8, help="calls in flight (default: 8)")
    given.add_argument("--slow", type=float, default=0.04, help="share of the first provider's calls (default: 0.04)")
    given.add_argument("--slow-s", type=float, default=2.0, help="that such a call takes (default: 2)")
    options = given.parse_args()
    with (
        trio() as servers,
        started(**servers.environment, HARTLEY_TASKS_PER_USER="100000", HARTLEY_TASKS_PER_TENANT="100000") as services,
    ):
        rows = [measure(services, servers, hedged, options) for hedged in (False, True)]
    sys.exit(1 if broken(rows, options.calls) else 0)


def measure(services: Services, servers: Trio, hedged: bool, options: argparse.Namespace) -> Row:
    forget_breakers(services.env["REDIS_URL"])
    servers.follow(lambda seed: rules(seed, options))
    crowd = Crowd(owner(), {"hedge": hedged})
    with llm_worker():
        crowd.ask(1, at_once=1)  # the worker is at work
        crowd.ask(options.calls - 1, at_once=options.at_once)
    seen = servers.seen()
    audit = audited(crowd.person.principal.tenant_id, crowd.tasks, seen)
    ends = crowd.ends()
    times = sorted(end.took_s for end in ends[1:])
    p50, p95, p99 = (percentile(times, percent) for percent in (50, 95, 99))
    failed = sum(end.state != "completed" for end in ends)
    return told(hedged, Row(p50, p95, p99, failed, open_losers(seen), audit), options.calls)


def rules(seed: int, options: argparse.Namespace) -> Rules:
    slow: dict[str, Any] = {
        "match": {"share": options.slow, "seed": seed},
        "reply": {**REPLY, "delay_s": options.slow_s},
    }
    return [*([slow] if seed == 1 else []), {"reply": REPLY}]


def open_losers(seen: Sequence[Seen]) -> int:
    """Of the requests of each call one is answered; the others are closed by us."""
    calls = {one.call for one in seen}
    closed = sum(one.entry["outcome"] == "disconnected" for one in seen)
    return len(seen) - len(calls) - closed


def told(hedged: bool, row: Row, calls: int) -> Row:
    if not hedged:
        print(
            f"{'hedging':10}{'p50 s':>8}{'p95 s':>8}{'p99 s':>8}{'second calls':>14}{'share':>8}"
            f"{'left open':>11}{'worst case':>12}{'never there':>13}{'failed':>8}{'differ':>8}"
        )
    audit = row.audit
    print(
        f"{'on' if hedged else 'off':10}{row.p50_s:>8.3f}{row.p95_s:>8.3f}{row.p99_s:>8.3f}{audit.hedges:>14}"
        f"{row.extra(calls):>8.2%}{row.open_losers:>11}{audit.worst_case:>12}{audit.never_arrived:>13}{row.failed:>8}{len(audit.wrong):>8}",
        flush=True,
    )
    for line in audit.wrong[:WRONG_SHOWN]:
        print(f"    {line}")
    return row


def broken(rows: Sequence[Row], calls: int) -> bool:
    without, with_ = rows
    print(f"p99 with to without: {with_.p99_s / without.p99_s:.2f} (promised: at most {P99_MOST:g})")
    wrong = any(row.failed or row.open_losers or row.audit.wrong for row in rows)
    return wrong or with_.p99_s > P99_MOST * without.p99_s or with_.extra(calls) > EXTRA_MOST


if __name__ == "__main__":
    main()
