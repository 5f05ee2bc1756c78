"""Worker processes of a measurement, as production starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.embedded import programs
from tests.support.services import ROOT, die_with_parent


@contextmanager
def llm_worker(slot: str = "llm", queues: str = "llm", **environment: str) -> Iterator[int]:
    """Yields its process id; hints that come before it is ready wait in the broker."""
    log = Path(os.environ["HARTLEY_HOME"]) / "logs" / f"bench-{slot}.log"
    with open(log, "ab") as out:
        process = subprocess.Popen(
            [sys.executable, *programs.worker(queues, slot)],
            env={**os.environ, **environment},
            cwd=ROOT,
            stdout=out,
            stderr=out,
            preexec_fn=die_with_parent,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def llm_workers(count: int, **environment: str) -> Iterator[list[int]]:
    with ExitStack() as stack:
        yield [stack.enter_context(llm_worker(f"llm{n}", **environment)) for n in range(1, count + 1)]
