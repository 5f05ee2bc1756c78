"""
The process in which runs happen: small, unprivileged, holding nothing, killed at any time without regret.

Reads a job on standard input, answers on standard output, one at a time. Its working directory is a private
folder. Ends with its keeper.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from pathlib import Path
from typing import IO, Never

from sandbox.confine import confine, libc, limit_data, no_more_threads
from sandbox.folders import Folders
from sandbox.frames import Frame, read_frame, write_frame
from sandbox.instances import Instances
from sandbox.job import Asked, read_job
from sandbox.limits import MIB, Limits
from sandbox.module_run import ModuleRuntime
from sandbox.needs import Needs
from sandbox.runtime import Answer, Runtime
from sandbox.said import News
from sandbox.watch import Watch

NATIVE_BYTES = 512 * MIB  # of data, for everything but the guest's memory
AWAKE_S = 4.0
COPIES = 4  # of a guest's memory at most, while a value of that size crosses to the host
TRIAL = {
    "code": "import time; time.sleep(0.001); open('x', 'w').write('1'); open('/data/a').read()",
    "stdin": "",
    "environment": {},
}


class Answers:
    """The way to the keeper; the thread that watches a run uses it as well."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._one = pipe, threading.Lock()

    def send(self, answer: Answer) -> None:
        with self._one:
            write_frame(self._pipe, *answer)

    def hear(self, news: News) -> None:
        self.send(({"news": news}, []))

    def last_words(self, answer: Answer) -> Never:
        self.send(answer)
        os._exit(0)


def take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Jobs and answers. Standard input and output lead nowhere from now on, whatever a library prints."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    return jobs, answers


def main() -> None:
    jobs, pipe = take_pipes()
    answers = Answers(pipe)
    plain, metered, needs = map(Path, sys.argv[1:4])
    instances = Instances({False: plain, True: metered}, Needs.read(needs))
    confined, folders, watch = confine(), Folders(), Watch()
    runtime = Runtime(instances, watch=watch, folders=folders, hear=answers.hear, blocked=answers.last_words)
    modules = ModuleRuntime(watch=watch, folders=folders, hear=answers.hear, blocked=answers.last_words)
    try_out(runtime)
    no_more_threads()
    answers.send(({"ready": confined.value()}, []))
    while (frame := next_job(jobs, runtime)) is not None:
        asked = read_job(frame)
        limit_data(NATIVE_BYTES + COPIES * asked.limits.memory_bytes)
        one = runtime if asked.native is None else modules
        answers.send(one.run(asked))
        one.tidy()
        answers.send(({"tidy": True}, []))


def next_job(jobs: IO[bytes], runtime: Runtime) -> Frame | None:
    """
    Waits for it, and keeps awake meanwhile the thread in which wasmtime opens files: it ends after 10 s without work,
    and there will be no other. What a burst of runs took of memory is given back.
    """
    while not select.select([jobs], [], [], AWAKE_S)[0]:
        runtime.renew()
        libc.malloc_trim(0)
    return read_frame(jobs)


def try_out(runtime: Runtime) -> None:
    """A broken image shows now, and all threads that wasmtime wants are started."""
    asked = Asked(guest=TRIAL, files={"a": b""}, workspace={}, fixed=None, listening=False, limits=Limits())
    value, _ = runtime.run(asked)
    if value["status"] != "ok":
        sys.exit(f"The trial run failed: {value['error']}")
    runtime.tidy()


if __name__ == "__main__":
    main()
