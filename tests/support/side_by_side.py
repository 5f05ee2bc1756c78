"""
All tests, in three processes side by side, each with a Postgres and a Valkey of its own.

    python -m tests.support.side_by_side [options of pytest]

Tests of whole farms mostly wait, so cores would idle. What the others say is shown once the first has ended. Ends with
1 where a test has failed in any.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from typing import IO

from tests.support.services import ROOT, die_with_parent

APART = ("tests/integration/sandbox",)  # so that the shares take about as long as each other
SHARES = (
    ["tests/integration", "-m", "not farm", *(f"--ignore={folder}" for folder in APART)],
    ["tests/integration", "-m", "farm"],
    ["tests/unit", "tests/functional", *APART, "-m", "not farm"],
)
NO_TESTS = 5  # pytest's: the options have chosen none of this share


def main() -> None:
    shown, *beside = SHARES
    with ExitStack() as files:
        said = [files.enter_context(tempfile.TemporaryFile()) for _ in beside]
        others = [start(share, output) for share, output in zip(beside, said, strict=True)]
        try:
            codes = [running.wait() for running in (start(shown), *others)]
        except KeyboardInterrupt:  # all have had it from the terminal, and end their own processes
            for other in others:
                other.wait()
            raise
        finally:
            for share, output in zip(beside, said, strict=True):
                tell(share, output)
    sys.exit(verdict(codes))


def tell(share: list[str], said: IO[bytes]) -> None:
    print(f"\n{' '.join(share)}:", flush=True)
    said.seek(0)
    sys.stdout.buffer.write(said.read())
    sys.stdout.flush()


def start(share: list[str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", *share, *sys.argv[1:]]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=output, stderr=output and subprocess.STDOUT, preexec_fn=die_with_parent
    )


def verdict(codes: list[int]) -> int:
    """0: all passed, of at least one share."""
    ran = [code for code in codes if code != NO_TESTS]
    return int(not ran or any(ran))


if __name__ == "__main__":
    main()
