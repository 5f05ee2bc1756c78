"""One run: load and faults side by side, then peace, then the reckoning. Import after Django's set-up."""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

from benchmarks.chaos import hints, witnesses
from benchmarks.chaos.crew import Crew
from benchmarks.chaos.faults import SUDDEN, Injector
from benchmarks.chaos.invariants import Broken, Evidence, broken
from benchmarks.chaos.load import SCRIPT, Load
from benchmarks.chaos.report import Run
from benchmarks.chaos.rows import Rows
from tests.support.cast import make_cast
from tests.support.model_server import ModelServer


def run(options: argparse.Namespace, crew: Crew, server: ModelServer, folder: Path) -> Run:
    rows = Rows(crew.services.env["HARTLEY_DB_SYSTEM_URL"])
    rng = random.Random(options.seed)
    server.script(SCRIPT)
    if "hints" in options.faults:
        hints.distrust(str(options.seed))
    principal = make_cast().owner.principal
    crew.start()
    load = Load(principal, rng, options.steps, room=lambda: rows.tasks_open() < options.in_flight)
    kinds = [kind for kind in options.faults if kind in SUDDEN]
    injector = Injector(crew, rows, random.Random(options.seed + 1), kinds, options.every, options.lease)
    began = time.monotonic()
    load.start()
    while load.running and not (options.seconds and time.monotonic() - began > options.seconds):
        injector.step()
        time.sleep(0.05)
    load.stop()
    submitted = time.monotonic()
    injector.heal()
    wait_until_still(rows, options.patience)
    took_s, drain_s = time.monotonic() - began, time.monotonic() - submitted
    (folder / "faults").write_text("\n".join(injector.history) + "\n")
    evidence = gather(rows, server, folder)
    found = broken(evidence) + [Broken("failed", "submit", f"{n} times {name}") for name, n in load.errors.items()]
    standing = [kind for kind in options.faults if kind not in SUDDEN]
    notes = witnesses.read_notes(folder / "notes")
    title = f"seed {options.seed}, lease {options.lease:g} s"
    return Run(title, injector.injected, standing, injector.interruptions, notes, took_s, drain_s, evidence, found)


def wait_until_still(rows: Rows, patience_s: float) -> None:
    """Until every task has ended and every hold is closed, or nothing has happened for so long."""
    last, since = 0, time.monotonic()
    while time.monotonic() - since < patience_s:
        tasks, holds, events = rows.open()
        if not tasks and not holds:
            return
        if events != last:
            last, since = events, time.monotonic()
        time.sleep(0.3)


def gather(rows: Rows, server: ModelServer, folder: Path) -> Evidence:
    evidence = rows.evidence()
    tags = {tag: task.id for task in evidence.tasks for tag in witnesses.TAG.findall(task.query)}
    evidence.marks = witnesses.read_marks(folder / "marks")
    evidence.requests = witnesses.read_requests(server.log(), tags)
    return evidence
