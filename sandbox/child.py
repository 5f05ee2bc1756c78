"""
The process in which runs happen: small, unprivileged, holding nothing, killed at any time without regret.

Reads a job on standard input, answers on standard output, one at a time. Its working directory is a private
folder; a job's files are laid there and opened to the guest read-only. Ends with its keeper.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import IO, Never

from sandbox.frames import Frame, read_frame, write_frame
from sandbox.limits import MIB, Limits
from sandbox.runtime import Answer, Runtime

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
UID = 60_999  # nobody's, by systemd's list of ranges; Postgres may run as `nobody`
FILE_BYTES = 64 * MIB
OPEN_FILES = 64
SPACE_BYTES = 1 << 36  # of addresses: each memory of a guest reserves several GiB
NATIVE_BYTES = 512 * MIB  # of data, for everything but the guest's memory
COPIES = 4  # of a guest's memory at most, while a value of that size crosses to the host


def harden() -> None:
    """Give up root and everything a run doesn't need. From here on no file outside the folder is opened by name."""
    libc = ctypes.CDLL(None)
    Path("/proc/self/oom_score_adj").write_text("1000")  # when memory runs out, this process goes first
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_AS, SPACE_BYTES),
    ):
        resource.setrlimit(limit, (most, most))
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # no other process of this user looks inside
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the change of user, which clears it
    os.environ.clear()


def take_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Jobs and answers. Standard input and output lead nowhere from now on, whatever a library prints."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    return jobs, answers


def lay_files(names: list[str], blobs: tuple[bytes, ...]) -> str | None:
    """The folder with the job's files, if it has any; the keeper has checked their names."""
    if not names:
        return None
    os.mkdir("data", 0o700)
    for name, blob in zip(names, blobs, strict=True):
        with open(os.path.join("data", name), "xb") as file:
            file.write(blob)
    return "data"


def run(runtime: Runtime, job: Frame) -> Answer:
    limits = Limits(**job.value["limits"])
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    wanted = NATIVE_BYTES + COPIES * limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    data_dir = lay_files(job.value["names"], job.blobs)
    answer = runtime.run(code=job.value["code"], stdin=job.value["stdin"], limits=limits, data_dir=data_dir)
    shutil.rmtree("data", ignore_errors=True)
    return answer


def main() -> None:
    jobs, answers = take_pipes()

    def last_words(answer: Answer) -> Never:
        write_frame(answers, *answer)
        os._exit(0)

    runtime = Runtime(Path(sys.argv[1]), last_words)
    runtime.run(code="", stdin="", limits=Limits(), data_dir=None)  # a broken image shows now; the first job is quick
    harden()
    write_frame(answers, {"ready": True})
    while (job := read_frame(jobs)) is not None:
        write_frame(answers, *run(runtime, job))


if __name__ == "__main__":
    main()
