"""Faults under load, then every invariant from the rows and from witnesses.

    python -m benchmarks.chaos [--steps 50000] [--seconds N] [--seed 1] [--faults kill,flush,...] [--lease 15]

Starts its own Postgres, Valkey, scripted model server, six workers and beat. Exits 1 and names the offending ids if
anything is lost, done twice, stuck, failed, out of order or wrongly booked; the logs are kept then.

faults: kill, term (a worker or beat, started again 1-2 s later), flush (FLUSHALL), redis (kill -9, restart), postgres
(immediate shutdown or kill -9, restart), freeze (SIGSTOP past the lease), hints (dropped, doubled, delayed),
clock (one worker's wall clock is 10 minutes ahead)
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psycopg

from benchmarks.chaos.crew import Crew
from tests.support.marker import LOG
from tests.support.model_server import ModelServer
from tests.support.services import ROOT, Services, start_services

FAULTS = ("kill", "term", "flush", "redis", "postgres", "hints", "freeze", "clock")
AHEAD_S = 600


def main() -> int:
    options = parsed()
    folder = Path(tempfile.mkdtemp(prefix="hartley-chaos-"))
    services = start_services()
    server = ModelServer()
    ahead = {"general-3": {"HARTLEY_CHAOS_CLOCK_S": str(AHEAD_S)}} if "clock" in options.faults else {}
    crew = Crew(services, folder, environment(options, server, folder), ahead)
    try:
        prepare(services, crew.env)
        from benchmarks.chaos import report, run  # they need Django, and Django the services' addresses

        found = run.run(options, crew, server, folder)
        print(report.table(found))
        if found.broken:
            print(f"\nBroken; the logs are in {folder}\n{report.offenders(found.broken)}")
        elif options.keep:
            print(f"\nThe logs are in {folder}")
        else:
            shutil.rmtree(folder)
        return int(bool(found.broken))
    finally:
        crew.stop()
        server.stop()
        services.stop()


def parsed() -> argparse.Namespace:
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--steps", type=int, default=50_000, help="submit until there are so many (default: 50000)")
    given.add_argument("--seconds", type=float, help="stop submitting after so long")
    given.add_argument("--seed", type=int, default=1, help="of load and faults (default: 1)")
    given.add_argument("--faults", type=kinds, default=list(FAULTS), help=f"default: {','.join(FAULTS)}")
    given.add_argument("--every", type=float, default=3, help="mean seconds between two faults (default: 3)")
    given.add_argument("--in-flight", type=int, default=80, help="tasks that run at once (default: 80)")
    given.add_argument("--lease", type=float, default=15, help="seconds (default: 15)")
    given.add_argument("--hint", type=float, default=10, help="seconds until a hint is overdue (default: 10)")
    given.add_argument("--sweep", type=float, default=5, help="seconds between sweeps (default: 5)")
    given.add_argument("--patience", type=float, default=150, help="seconds without any event: stuck (default: 150)")
    given.add_argument("--keep", action="store_true", help="keep the logs of a good run, too")
    return given.parse_args()


def kinds(text: str) -> list[str]:
    found = [word for word in text.split(",") if word]
    if unknown := set(found) - set(FAULTS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return found


def environment(options: argparse.Namespace, server: ModelServer, folder: Path) -> dict[str, str]:
    return {
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "sk-scripted",
        "CONFIG__PROVIDERS__OPENAI__REQUESTS_PER_MINUTE": "100000",
        "HARTLEY_EXTRA_TOOLS": "tests.support.marker:MarkerTool",
        "HARTLEY_LEASE_S": str(options.lease),
        "HARTLEY_HINT_S": str(options.hint),
        "HARTLEY_SWEEP_S": str(options.sweep),
        "HARTLEY_MAX_ATTEMPTS": "30",  # so that no step gives up because it was hit too often
        "DRAIN_S": "3",
        LOG: str(folder / "marks"),
        "HARTLEY_CHAOS_NOTES": str(folder / "notes"),
        "HARTLEY_CHAOS_HINTS": str(options.seed) if "hints" in options.faults else "",
    }


def prepare(services: Services, env: Mapping[str, str]) -> None:
    """Commits survive the death of Postgres, as in earnest; then the tables, and Django in this process."""
    with psycopg.connect(services.env["HARTLEY_TEST_ADMIN_URL"], autocommit=True) as admin:
        admin.execute("ALTER DATABASE hartley SET synchronous_commit = on")
    os.environ.update({**services.env, **env})
    manage = [sys.executable, "manage.py", "migrate", "--database=owner", "--no-input", "-v", "0"]
    subprocess.run(manage, cwd=ROOT, check=True, timeout=120)

    import django

    django.setup()


if __name__ == "__main__":
    sys.exit(main())
