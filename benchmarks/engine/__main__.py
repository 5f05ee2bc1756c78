"""
The same workflow (plan, five steps side by side, synthesis; steps that do nothing) on Hartley and its peers, in one run.

    python -m benchmarks.engine [--seconds 6] [--in-flight 50] [--only hartley,canvas,peers] [--chain] [--dags 100]

Starts its own Postgres (with fsync) and Valkey. Ratios are to the bare canvas. DBOS and LangGraph run in an environment
of their own: `python -m venv peers && peers/bin/pip install -r benchmarks/peers.txt`, then `--peers peers/bin/python`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.engine.figures import Figures, table
from benchmarks.engine.shapes import critical_path, random_dags
from benchmarks.engine.started import started
from tests.support.services import ROOT, Services


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--seconds", type=float, default=6, help="per row (default: 6)")
    given.add_argument("--in-flight", type=int, default=50, help="workflows side by side (default: 50)")
    given.add_argument("--times", type=int, default=50, help="how often one runs alone (default: 50)")
    given.add_argument("--only", default="hartley,canvas,peers", help="which contenders (default: all)")
    given.add_argument("--peers", default=sys.executable, help="the interpreter that has benchmarks/peers.txt")
    given.add_argument("--chain", action="store_true", help="a chain of 40 steps of 10 ms")
    given.add_argument(
        "--dags", type=int, metavar="N", help="makespan over critical path of N random DAGs, steps of 200 ms"
    )
    options = given.parse_args()
    with started(
        HARTLEY_TASKS_PER_USER="100000",
        HARTLEY_TASKS_PER_TENANT="100000",
        HARTLEY_TASK_TOKENS="1000000000",
        HARTLEY_TOOL_SLOTS="2000",
    ) as services:
        if options.chain or options.dags:
            shapes(services, options)
        else:
            print(table(list(rows(services, options))))


def rows(services: Services, options: argparse.Namespace) -> Iterator[Figures]:
    only = options.only.split(",")
    given = {"seconds": options.seconds, "in_flight": options.in_flight, "times": options.times}
    if "canvas" in only:
        from benchmarks.engine import canvas

        yield canvas.measure(services.env["REDIS_URL"].removesuffix("/0") + "/1", **given)
    if "hartley" in only:
        from benchmarks.engine import hartley

        yield from hartley.measure(services, owner(), dict(os.environ), **given)
    if "peers" in only:
        yield from peers(services, options)


def owner():  # type: ignore[no-untyped-def]
    """A person whose budgets have room for the whole run."""
    from tests.support.cast import person
    from webapp.tenants.models import Role
    from webapp.tenants.services import create_tenant

    return person(create_tenant(name="Bench", tier="enterprise", session_tokens=10**12), "owner", Role.OWNER)


def peers(services: Services, options: argparse.Namespace) -> Iterator[Figures]:
    import psycopg

    admin = services.env["HARTLEY_TEST_ADMIN_URL"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE DATABASE peers")
    command = [
        options.peers, "-m", "benchmarks.engine.peers", "--postgres", admin.replace("/hartley", "/peers", 1),
        "--seconds", str(options.seconds), "--in-flight", str(options.in_flight), "--times", str(options.times),
    ]  # fmt: skip
    told = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=300, env=clean_environment())
    for line in told.stdout.splitlines():
        if line.startswith("{"):
            yield replace(Figures("", 0, 0, 0), **json.loads(line))


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DJANGO"))}


def shapes(services: Services, options: argparse.Namespace) -> None:
    from benchmarks.engine.hartley import Driver, Ended, chain_s, makespans, worker

    driver, ended = Driver(owner()), Ended(services.env["REDIS_URL"])
    with worker(services, dict(os.environ)):
        ended.wait([driver.submit([()], "control.bare")])
        if options.chain:
            p50, p95 = chain_s(driver, ended, length=40, step_s=0.01, times=20)
            print(
                f"40 steps of 10 ms one after the other: p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms (400 is the least)"
            )
        if options.dags:
            drawn = random_dags(options.dags, seed=7)
            ratios = sorted(makespans(driver, ended, drawn, step_s=0.2, side_by_side=5))
            steps = sum(map(len, drawn))
            print(
                f"{len(drawn)} random DAGs, {steps} steps of 200 ms, critical paths of {min(map(critical_path, drawn))} to"
                f" {max(map(critical_path, drawn))} steps: makespan over critical path median"
                f" {ratios[len(ratios) // 2]:.3f}, p95 {ratios[int(len(ratios) * 0.95)]:.3f}, worst {ratios[-1]:.3f}"
            )
    ended.close()


if __name__ == "__main__":
    main()
