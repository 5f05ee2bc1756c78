"""
The process in which one tenant's modules are compiled and asked: without network, disk and root, with little memory.

The first frame has the modules, `{"modules": [[name, source], ...]}`, and is answered with `{"ready": true}` or
`{"broken": why}`; each further one asks, `{"text": JSON}`, and is answered with `{"answers": [[module, rule, reasons]]}`.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from policies.errors import PolicyInvalid
from policies.tightening import OwnModule, answers_of, compile_own
from sandbox.child import take_pipes
from sandbox.confine import confine
from sandbox.frames import read_frame, write_frame
from sandbox.own_memory import OwnMemory

TRIAL = 'package hartley.own\nimport rego.v1\ndeny contains "x" if regex.match("^a$", input.point)\n'
NICENESS = 5  # what tenants write comes after what all of them wait for
SPACE_BYTES = 1 << 40  # of addresses: the engine's allocator reserves 256 GiB when it is loaded
LOOK_S = 0.02


def main() -> None:
    """The argument: bytes of memory."""
    jobs, answers = take_pipes()
    compile_own("trial", TRIAL)  # loads all that will be needed
    os.nice(NICENESS)
    memory = OwnMemory()
    confine(SPACE_BYTES)
    threading.Thread(target=_watch, args=(memory, int(sys.argv[1])), daemon=True).start()
    write_frame(answers, {"started": True})
    modules: list[OwnModule] = []
    while (frame := read_frame(jobs)) is not None:
        if "modules" in frame.value:
            try:
                modules = [compile_own(name, source) for name, source in frame.value["modules"]]
            except PolicyInvalid as error:
                write_frame(answers, {"broken": str(error)})
            else:
                write_frame(answers, {"ready": True})
        else:
            write_frame(answers, {"answers": answers_of(modules, frame.value["text"])})


def _watch(memory: OwnMemory, most_bytes: int) -> None:
    """
    No limit of the system counts what is taken of addresses that are reserved already. What getrusage calls the most
    begins with what the worker has that started this process.
    """
    while memory.resident_bytes() < most_bytes:
        time.sleep(LOOK_S)
    os._exit(1)


if __name__ == "__main__":
    main()
