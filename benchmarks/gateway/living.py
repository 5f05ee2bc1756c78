"""
The catalogue is changed while many calls run: none of them fails, and the next ones use what is new.

    python -m benchmarks.gateway.living [--calls 200] [--within 2]

A new version is saved as the admin saves it while so many calls wait for their answers from a scripted server; further
calls are asked twenty times a second until one arrives where the new version sends it. Only then the first are answered.
Through the engine in one worker process, rows in Postgres (fsync on). Ends with 1 where a call fails, where one that was
under way was sent anew, where the books differ, or where a version takes longer than `--within` to be in force.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.engine.__main__ import owner
from benchmarks.engine.started import started
from benchmarks.gateway.books import audited
from benchmarks.gateway.crowd import Crowd
from benchmarks.gateway.running import llm_worker
from benchmarks.gateway.trio import Seen, called
from tests.support.farm import eventually
from tests.support.model_server import ModelServer

if TYPE_CHECKING:
    from tests.support.cast import Person

EVERY_S = 0.05
REPLY = [{"reply": {"text": "It is four."}}]
LIMITS = "requests_per_minute: 1000000, connections: 5000, breaker: {failures: 5, recovery_s: 30}"
MODELS = "{plain-1: {price: {input: 1, output: 2}}, plain-2: {price: {input: 1, output: 2}}}"


@dataclass(frozen=True)
class Version:
    """
    Args:
        server: of the two, the one that is the provider's.
    """

    provider: str
    model: str
    server: int

    def source(self, servers: list[ModelServer]) -> str:
        address = servers[self.server].base_url
        return f"""
providers:
  {self.provider}: {{protocol: openai, base_url: "{address}", {LIMITS}, models: {MODELS}}}
tiers: {{small: [{{provider: {self.provider}, model: {self.model}}}]}}
"""


BEFORE = Version("ours", "plain-1", 0)
CHANGES = {
    "another model": Version("ours", "plain-2", 0),
    "another address": Version("ours", "plain-1", 1),
    "another provider": Version("theirs", "plain-1", 1),
}


@dataclass(frozen=True)
class Row:
    """`sent_anew`: requests beyond one for each call. `late`: calls that were asked of the old one after the limit."""

    calls: int
    failed: int
    in_force_s: float
    sent_anew: int
    late: int
    wrong: int


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--calls", type=int, default=200, help="that run meanwhile (default: 200)")
    given.add_argument("--within", type=float, default=2.0, help="seconds until the version counts (default: 2)")
    options = given.parse_args()
    servers = [ModelServer(), ModelServer()]
    try:
        with started(HARTLEY_TASKS_PER_USER="100000", HARTLEY_TASKS_PER_TENANT="100000"):
            sys.exit(1 if measure(servers, options.calls, options.within) else 0)
    finally:
        for server in servers:
            server.stop()


def measure(servers: list[ModelServer], calls: int, within_s: float) -> int:
    """How many changes broke a promise."""
    print(f"{'':20}{'calls':>7}{'failed':>8}{'in force s':>12}{'sent anew':>11}{'late':>6}{'differ':>8}", flush=True)
    return sum(told(name, one(servers, new, calls, within_s), within_s) for name, new in CHANGES.items())


def one(servers: list[ModelServer], new: Version, calls: int, within_s: float) -> Row:
    """A worker of its own, which begins with the version before."""
    person = platforms_owner()
    save(person, BEFORE, servers)
    for server in servers:
        server.reset()
        server.script(REPLY)
    crowd = Crowd(person)
    with llm_worker():
        servers[0].gate()
        crowd.submit(calls)
        eventually(lambda: servers[0].count()["running"] == calls, within_s=60, every_s=0.1)
        save(person, new, servers)
        saved_at = time.time()
        arrived_at = first_arrival(crowd, servers, new, saved_at)
        servers[0].release()
        crowd.ask(0, at_once=0)
    entries = [(n, entry) for n, server in enumerate(servers) for entry in server.log()]
    seen = [Seen(entry_provider(new, n, entry["model"]), called(entry), entry) for n, entry in entries]
    old = [entry["started_at"] for n, entry in entries if (n, entry["model"]) == (BEFORE.server, BEFORE.model)]
    late = sum(at > saved_at + within_s for at in old)
    failed = sum(end.state != "completed" for end in crowd.ends())
    wrong = audited(person.principal.tenant_id, crowd.tasks, seen).wrong
    return Row(len(crowd.tasks), failed, arrived_at - saved_at, len(seen) - len(crowd.tasks), late, len(wrong))


def entry_provider(new: Version, server: int, model: str) -> str:
    return new.provider if (server, model) == (new.server, new.model) else BEFORE.provider


def first_arrival(crowd: Crowd, servers: list[ModelServer], new: Version, since: float) -> float:
    """When the first call came where the new version sends it."""
    while time.time() < since + 60:
        crowd.submit(1)
        time.sleep(EVERY_S)
        came = [e["started_at"] for e in servers[new.server].log() if e["model"] == new.model]
        if came:
            return float(min(came))
    raise SystemExit("The new version is not in force after a minute")


def platforms_owner() -> Person:
    """Of the tenant that operates the platform."""
    from django.db import connections

    from webapp.common.tenancy import tenant_scope

    person = owner()
    with tenant_scope(person.principal.tenant_id), connections["default"].cursor() as cursor:
        cursor.execute('UPDATE "tenants_tenant" SET operates_platform = true')
    person.user.tenant.refresh_from_db()
    return person


def save(person: Person, version: Version, servers: list[ModelServer]) -> None:
    from webapp.catalogue.versions import save_version
    from webapp.common.tenancy import tenant_scope

    with tenant_scope(person.principal.tenant_id):
        save_version(actor=person.user, source=version.source(servers))


def told(name: str, row: Row, within_s: float) -> bool:
    """Prints the row; whether it breaks a promise."""
    print(
        f"{name:20}{row.calls:>7}{row.failed:>8}{row.in_force_s:>12.2f}{row.sent_anew:>11}{row.late:>6}{row.wrong:>8}",
        flush=True,
    )
    return bool(row.failed or row.sent_anew or row.late or row.wrong or row.in_force_s > within_s)


if __name__ == "__main__":
    main()
