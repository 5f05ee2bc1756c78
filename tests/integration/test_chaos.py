"""The chaos bench in its short form: hundreds of steps, and nothing is lost, done twice, stuck or wrongly booked."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.services import ROOT, Services

SHORT = ["--steps", "500", "--seed", "7", "--faults", "kill,term,flush,hints", "--every", "1.5", "--in-flight", "15"]
FAST = ["--lease", "4", "--hint", "2", "--sweep", "1", "--patience", "60"]


def test_nothing_breaks_while_workers_die_redis_forgets_and_hints_get_lost(services: Services) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.chaos", *SHORT, *FAST],
        cwd=ROOT,
        env={**os.environ, "HARTLEY_SANDBOX_IMAGE": services.env["HARTLEY_SANDBOX_IMAGE"]},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    faults = next(line for line in ran.stdout.splitlines() if line.startswith("faults"))
    assert "kill" in faults and "flush" in faults and "term" in faults
