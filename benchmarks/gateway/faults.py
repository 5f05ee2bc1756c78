"""
Three providers of which many calls fail, one kind of failure after the other: what the callers see, and what is paid.

    python -m benchmarks.gateway.faults [--calls 2000] [--at-once 200] [--share 0.2] [--only 429,500] [--list]

Each call is a completion through the engine in one worker process, with breakers as shipped; three scripted servers are
the providers of its tier, and each fails at a share of its requests, drawn by seed. Rows in Postgres (fsync on). The
servers' logs are the witnesses: every request that may be billed has one settled hold, every hold that was settled one
request, and the balances are what the holds add up to. Ends with 1 where fewer than 99.95 % of the calls succeed, or
where the books and the logs differ in a single place.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from typing import Any

from benchmarks.engine.__main__ import owner
from benchmarks.engine.started import started
from benchmarks.gateway.books import Audit, audited
from benchmarks.gateway.crowd import Crowd, End, percentile
from benchmarks.gateway.running import llm_worker
from benchmarks.gateway.trio import DEAD_URL, PICKS, Rules, Trio, forget_breakers, trio
from tests.support.services import Services

PROMISED = 0.9995
WRONG_SHOWN = 5
TIMEOUT_S, SLOW_S, PATIENT_S = 2, 8.0, 30
SAID = '{"answer": 4}'
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}},
    "required": ["answer"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Run:
    """
    Args:
        kinds: what goes wrong, each as the rest of a rule; they share the share.
        dead: a provider where nobody listens.
    """

    kinds: list[dict[str, Any]]
    dead: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    timeout_s: int = PATIENT_S

    def rules(self, share: float, seed: int) -> Rules:
        """Each is asked after those before it, so its own share is of what they leave."""
        each = share / len(self.kinds) if self.kinds else 0
        drawn = [
            {**kind, "match": {"share": each / (1 - n * each), "seed": seed * 100 + n}}
            for n, kind in enumerate(self.kinds)
        ]
        return [*drawn, {"reply": {"text": SAID, "delay_s": 0.05}}]


KINDS: dict[str, dict[str, Any]] = {
    "429, Retry-After": {"fault": {"status": 429, "retry_after_s": 1}},
    "429": {"fault": {"status": 429}},
    "500": {"fault": {"status": 500}},
    "503": {"fault": {"status": 503}},
    "slow first byte": {"reply": {"text": SAID, "delay_s": SLOW_S}},
    "cut before the answer": {"fault": {"drop_after_chunks": 0}},
    "cut mid-stream": {"fault": {"drop_after_chunks": 3}},
    "malformed chunk": {"fault": {"malformed": True}},
    "wrong JSON": {"reply": {"text": "It is four."}},
    "empty answer": {"reply": {"text": ""}},
}
RUNS: dict[str, Run] = {
    **{name: Run([kind]) for name, kind in KINDS.items()},
    "slow first byte": Run([KINDS["slow first byte"]], timeout_s=TIMEOUT_S),
    "wrong JSON": Run([KINDS["wrong JSON"]], options={"schema": SCHEMA}),
    "connection refused": Run([], dead="groq"),
    "all, and one dead": Run([*KINDS.values()], dead="groq", options={"schema": SCHEMA}, timeout_s=TIMEOUT_S),
}


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--calls", type=int, default=2000, help="of each run (default: 2000)")
    given.add_argument("--at-once", type=int, default=200, help="calls in flight (default: 200)")
    given.add_argument("--share", type=float, default=0.2, help="of a provider's requests that fail (default: 0.2)")
    given.add_argument("--only", help="runs whose names begin so, with commas between them")
    given.add_argument("--list", action="store_true", help="the names of the runs")
    options = given.parse_args()
    if options.list:
        print("\n".join(RUNS))
        return
    begins = tuple(options.only.split(",")) if options.only else ("",)
    chosen = {name: run for name, run in RUNS.items() if name.startswith(begins)}
    with trio() as servers, started(**servers.environment, **UNLIMITED) as services:
        sys.exit(1 if measure(services, servers, chosen, options) else 0)


UNLIMITED = {"HARTLEY_TASKS_PER_USER": "100000", "HARTLEY_TASKS_PER_TENANT": "100000"}


def measure(services: Services, servers: Trio, chosen: dict[str, Run], options: argparse.Namespace) -> int:
    """How many runs broke a promise."""
    print(f"{options.calls} calls, {options.at_once} in flight, {options.share:.0%} of each provider's requests fail")
    print(
        f"{'':24}{'succeeded':>11}{'requests':>10}{'settled':>9}{'worst case':>12}{'released':>10}{'differ':>8}"
        f"{'p50 s':>8}{'p95 s':>8}{'max s':>8}{'wall s':>8}",
        flush=True,
    )
    return sum(one(services, servers, name, run, options) for name, run in chosen.items())


def one(services: Services, servers: Trio, name: str, run: Run, options: argparse.Namespace) -> bool:
    forget_breakers(services.env["REDIS_URL"])
    dead = {f"{run.dead.upper()}_BASE_URL": DEAD_URL} if run.dead else {}
    crowd = Crowd(owner(), run.options)
    with llm_worker(HARTLEY_MODEL_TIMEOUT_S=str(run.timeout_s), **dead):
        warm(servers, [name for name in PICKS if name != run.dead])
        servers.follow(lambda seed: run.rules(options.share, seed))
        took_s = crowd.ask(options.calls, at_once=options.at_once)
    audit = audited(crowd.person.principal.tenant_id, crowd.tasks, servers.seen())
    return told(name, crowd.ends(), audit, took_s)


def warm(servers: Trio, names: list[str]) -> None:
    """One call of each provider before: loading its SDK may take longer than these calls have."""
    servers.follow(lambda _: [])
    for name in names:
        Crowd(owner(), {"provider": name}).ask(1, at_once=1)


def told(name: str, ends: list[End], audit: Audit, took_s: float) -> bool:
    """Prints the row; whether it breaks a promise."""
    failed = [end for end in ends if end.state != "completed"]
    share = 1 - len(failed) / len(ends)
    times = sorted(end.took_s for end in ends)
    print(
        f"{name:24}{share:>11.2%}{audit.requests:>10}{audit.settled:>9}{audit.worst_case:>12}{audit.released:>10}"
        f"{len(audit.wrong):>8}{percentile(times, 50):>8.2f}{percentile(times, 95):>8.2f}{times[-1]:>8.1f}{took_s:>8.1f}",
        flush=True,
    )
    for line in [*audit.wrong[:WRONG_SHOWN], *(str(end.error) for end in failed[:WRONG_SHOWN])]:
        print(f"    {line}")
    return bool(share < PROMISED or audit.wrong)


if __name__ == "__main__":
    main()
