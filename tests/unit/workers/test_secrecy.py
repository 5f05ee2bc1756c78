"""A program that a worker starts, as the same user, does not get at the worker's environment or memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# As root it becomes nobody, whom the machine's Python may be out of reach for: so the program is a fork.
WORKER = """
import ctypes, os, sys
{guard}
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # the change of user has switched it off
{kept}
program = os.fork()
if program:
    os.waitpid(program, 0)
else:
    for file in ("environ", "maps", "mem"):
        try:
            os.close(os.open(f"/proc/{{os.getppid()}}/{{file}}", os.O_RDONLY))
            print(file)
        except OSError:
            pass
    sys.stdout.flush()
    os._exit(0)
"""


@pytest.mark.parametrize(("kept", "seen"), [("keep_to_itself()", []), ("", ["environ", "maps", "mem"])])
def test_a_program_of_the_same_user_sees_nothing_of_it(kept: str, seen: list[str]) -> None:
    guard = (ROOT / "workers/secrecy.py").read_text(encoding="utf-8").partition("annotations\n")[2]
    worker = [sys.executable, "-IS", "-c", WORKER.format(guard=guard, kept=kept)]
    said = subprocess.run(worker, env={"KEY": "sk-secret"}, cwd="/", capture_output=True, text=True, check=True)
    assert said.stdout.split() == seen
