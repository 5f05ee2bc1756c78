"""Worker processes of a measurement, as production starts them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.embedded import programs
from tests.support.processes import gone, launch


def start_worker(slot: str = "llm", queues: str = "llm", **environment: str) -> subprocess.Popen[bytes]:
    """Whoever starts it ends it."""
    log = Path(os.environ["HARTLEY_HOME"]) / "logs" / f"bench-{slot}.log"
    return launch(programs.worker(queues, slot), log=log, env={**os.environ, **environment})


@contextmanager
def llm_worker(slot: str = "llm", queues: str = "llm", **environment: str) -> Iterator[int]:
    """Yields its process id; hints that come before it is ready wait in the broker."""
    process = start_worker(slot, queues, **environment)
    try:
        yield process.pid
    finally:
        process.terminate()
        gone(process, 40)


@contextmanager
def llm_workers(count: int, **environment: str) -> Iterator[list[int]]:
    with ExitStack() as stack:
        yield [stack.enter_context(llm_worker(f"llm{n}", **environment)) for n in range(1, count + 1)]
