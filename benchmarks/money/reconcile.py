"""
Does the ledger explain the provider's bill? Calls whose streams are cut, that fail, hang and are cancelled, while the workers
that make them are killed; then each task's settlements beside what the servers' own logs would bill for it.

    python -m benchmarks.money.reconcile [--calls 3000] [--at-once 150] [--kills 8]

Three scripted servers are the providers, two worker processes make the calls; rows in Postgres (fsync on), real prices. A
provider bills what it has begun to answer, whether anybody was left to read it. Exits 1 where a call was settled twice or
not at all, where the ledger is below a bill, or where it is above one without a settlement at the worst case.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from genai_prices import Usage, calc_price
from redis import Redis

from benchmarks.engine.__main__ import owner
from benchmarks.engine.started import started
from benchmarks.gateway.crowd import Crowd
from benchmarks.gateway.running import start_worker
from benchmarks.gateway.trio import Rules, Seen, trio
from tests.support.processes import gone
from tests.support.services import Services

LEASE_S, WITHIN_S, CANCELLED = 5, 300.0, 0.02
SAID = "Two and two make four, as far as anybody has been able to tell so far."
FAULTS: list[tuple[float, dict[str, Any]]] = [
    (0.08, {"fault": {"drop_after_chunks": 3}}),
    (0.03, {"fault": {"drop_after_chunks": 0}}),
    (0.04, {"fault": {"status": 429}}),
    (0.04, {"fault": {"status": 500}}),
    (0.02, {"fault": {"malformed": True}}),
    (0.05, {"reply": {"text": SAID, "delay_s": 3.0}}),
]
USUAL = {"reply": {"text": SAID, "delay_s": 0.3, "chunk_delay_s": 0.02}}
ENVIRONMENT = {
    "HARTLEY_TASKS_PER_USER": "100000",
    "HARTLEY_TASKS_PER_TENANT": "100000",
    "HARTLEY_LEASE_S": str(LEASE_S),
    "HARTLEY_SWEEP_S": "1",
    "HARTLEY_MAX_ATTEMPTS": "50",
}


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--calls", type=int, default=3000, help="completions (default: 3,000)")
    given.add_argument("--at-once", type=int, default=150, help="of them in flight (default: 150)")
    given.add_argument("--kills", type=int, default=8, help="of worker processes, by kill -9 (default: 8)")
    options = given.parse_args()
    with trio() as servers, started(**servers.environment, **ENVIRONMENT) as services:
        servers.follow(rules)
        crowd = Crowd(owner())
        with pair() as workers:
            run(services, crowd, workers, options)
        books = Books.of(crowd, servers.seen())
    books.report()
    sys.exit(0 if books.sound else 1)


def rules(seed: int) -> Rules:
    left, drawn = 1.0, []
    for number, (share, rule) in enumerate(FAULTS):
        drawn.append({**rule, "match": {"share": share / left, "seed": seed * 100 + number}})
        left -= share
    return [*drawn, USUAL]


# --- the run ---


class Pair:
    """Two worker processes, which are started again when they are killed."""

    def __init__(self) -> None:
        self.processes = {slot: start_worker(slot) for slot in ("llm1", "llm2")}

    def kill_one(self) -> None:
        slot = random.choice(sorted(self.processes))
        os.kill(self.processes[slot].pid, signal.SIGKILL)
        self.processes[slot].wait()
        self.processes[slot] = start_worker(slot)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            gone(process, 60)


@contextmanager
def pair() -> Iterator[Pair]:
    workers = Pair()
    try:
        yield workers
    finally:
        workers.stop()


def run(services: Services, crowd: Crowd, workers: Pair, options: argparse.Namespace) -> None:
    """Until all calls have ended and nothing is held. A kill each time that so many more have ended; Redis is emptied once."""
    from webapp.orchestration import engine

    due = [options.calls * (n + 1) // (options.kills + 1) for n in range(options.kills)]
    deadline = time.monotonic() + WITHIN_S
    while (done := crowd.ended()) < options.calls or held(crowd):
        open_ = len(crowd.tasks) - done
        crowd.submit(min(options.calls - len(crowd.tasks), options.at_once - open_))
        cancel_some(crowd, open_)
        if due and done >= due[0]:
            due.pop(0)
            workers.kill_one()
            if len(due) == options.kills // 2:
                Redis.from_url(services.env["REDIS_URL"]).flushall()
        engine.sweep_tasks(lease_s=LEASE_S)
        if time.monotonic() > deadline:
            raise SystemExit(f"{options.calls - done} calls have not ended within {WITHIN_S:g} s")
        time.sleep(0.1)


def held(crowd: Crowd) -> bool:
    from webapp.budgets.models import Hold
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(crowd.person.principal.tenant_id):
        return Hold.objects.filter(state="open").exists()


def cancel_some(crowd: Crowd, open_: int) -> None:
    """About two of a hundred, somewhere in their course."""
    from webapp.common.errors import HartleyError
    from webapp.orchestration.control import cancel_task

    if open_ and random.random() < CANCELLED * 25:
        task = random.choice(crowd.tasks[-open_:])
        try:
            cancel_task(principal=crowd.person.principal, task=task, reason="no longer wanted")
        except HartleyError:
            pass  # it has ended meanwhile


# --- the books ---


@dataclass
class Account:
    """One task's: what the servers would bill, and how its calls were settled."""

    billed_usd: Decimal = Decimal(0)
    paid_usd: Decimal = Decimal(0)
    worst: Counter[str] = field(default_factory=Counter)  # settlements at the worst case, by error

    @property
    def excess_usd(self) -> Decimal:
        return self.paid_usd - self.billed_usd


@dataclass
class Books:
    accounts: list[Account]
    holds: int
    requests: int
    settled: int
    released: int
    wrong: list[str]

    @classmethod
    def of(cls, crowd: Crowd, seen: Sequence[Seen]) -> Books:
        from webapp.budgets.models import Hold
        from webapp.budgets.verify import verify
        from webapp.common.tenancy import tenant_scope
        from webapp.progress.models import Event

        tenant = crowd.person.principal.tenant_id
        with tenant_scope(tenant):
            holds = list(Hold.objects.filter(call__gt=0))
            told = Event.objects.filter(type__in=("BUDGET_SETTLED", "BUDGET_RELEASED"))
            closed = Counter(
                (task, payload["step"], payload["attempt"], payload["call"])
                for task, payload in told.values_list("task_id", "payload")
            )
        accounts: dict[UUID, Account] = defaultdict(Account)
        for one in seen:
            if one.entry["usage"]:
                accounts[crowd.tasks[one.call]].billed_usd += bill(one)
        for hold in holds:
            account = accounts[hold.task_id]
            account.paid_usd += hold.usd if hold.state == "settled" else 0
            account.worst.update([hold.error or "-"] if hold.worst_case else [])
        wrong = [f"{hold.pk} is {hold.state}" for hold in holds if hold.state == "open"]
        wrong += [f"{call} was closed {times} times" for call, times in closed.items() if times > 1]
        wrong += [str(difference) for difference in verify(tenant).differences]
        for task, account in accounts.items():
            if account.excess_usd < 0:
                wrong.append(f"{task}: {account.paid_usd} USD paid, {account.billed_usd} billed")
            elif account.excess_usd and not account.worst:
                wrong.append(f"{task}: {account.excess_usd} USD too much, without a settlement at the worst case")
        settled = [hold for hold in holds if hold.state == "settled"]
        return cls(list(accounts.values()), len(holds), len(seen), len(settled), len(holds) - len(settled), wrong)

    @property
    def sound(self) -> bool:
        return not self.wrong

    def report(self) -> None:
        billed = sum((account.billed_usd for account in self.accounts), Decimal())
        paid = sum((account.paid_usd for account in self.accounts), Decimal())
        exact = [account for account in self.accounts if not account.worst]
        print(
            f"{len(self.accounts)} tasks, {self.holds} holds: {self.settled} settled, {self.released} released, each once"
        )
        print(f"{self.requests} requests at the servers, which would bill {billed:.6f} USD; the ledger has {paid:.6f}")
        print(f"  {len(exact)} tasks whose calls all told their cost: the ledger is the bill, to the last digit")
        worst: Counter[str] = sum((account.worst for account in self.accounts), Counter())
        print(
            f"  {len(self.accounts) - len(exact)} with a settlement at the worst case: {paid - billed:.6f} USD more than billed"
        )
        for error, count in worst.most_common():
            alone = sum((a.excess_usd for a in self.accounts if set(a.worst) == {error}), Decimal())
            print(f"    {count:5} {error:28} {alone:.6f} USD, where it was the only cause")
        print(f"wrong: {len(self.wrong)}")
        for line in self.wrong[:10]:
            print(f"  {line}")


def bill(one: Seen) -> Decimal:
    """By the price list itself, not by way of the catalogue."""
    usage, model = one.entry["usage"], one.entry["model"]
    tokens = Usage(input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"])
    return calc_price(tokens, model, provider_id=one.provider).total_price


if __name__ == "__main__":
    main()
