"""The process in which runs happen: small, unprivileged, holding nothing, killed at any time without regret.

Reads a job frame on standard input, answers with a result frame on standard output, one at a time. Its working
directory is a private folder; a job's files are laid there and opened to the guest read-only.
"""

from __future__ import annotations

import base64
import ctypes
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from sandbox.frames import read_frame, write_frame
from sandbox.limits import Limits
from sandbox.runtime import Runtime

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
NOBODY = 65534
FILE_BYTES = 64 * 1024 * 1024


def harden() -> None:
    """Give up root and everything a run doesn't need. What is imported is imported: no file is opened later by name."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the change of user, which clears it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def lay_files(files: dict[str, str]) -> str | None:
    """Write the job's files, base64 in the frame, into `data`; names were checked by the keeper."""
    shutil.rmtree("data", ignore_errors=True)
    if not files:
        return None
    os.mkdir("data", 0o700)
    for name, body in files.items():
        with open(os.path.join("data", name), "xb") as file:
            file.write(base64.b64decode(body))
    return "data"


def main() -> None:
    image = Path(sys.argv[1])
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)  # only frames on the pipes, whatever a library prints
    runtime = Runtime(image)
    harden()
    os.environ.clear()
    write_frame(answers, {"ready": True})
    while (job := read_frame(jobs)) is not None:
        data_dir = lay_files(job["files"])
        result = runtime.run(code=job["code"], stdin=job["stdin"], limits=Limits(**job["limits"]), data_dir=data_dir)
        shutil.rmtree("data", ignore_errors=True)
        write_frame(answers, result)


if __name__ == "__main__":
    main()
