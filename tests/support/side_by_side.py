"""
All tests, in two processes side by side, each with a Postgres and a Valkey of its own.

    python -m tests.support.side_by_side [options of pytest]

Tests of whole farms mostly wait, so a second core would idle. What the second process says is shown once the first has
ended. Ends with 1 where a test has failed in either.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from typing import IO

from tests.support.services import ROOT, die_with_parent

SHARES = (["tests/integration"], ["tests/unit", "tests/functional"])
NO_TESTS = 5  # pytest's: the options have chosen none of this share


def main() -> None:
    shown, beside = SHARES
    with tempfile.TemporaryFile() as said:
        second = start(beside, said)
        try:
            codes = [start(shown).wait(), second.wait()]
        except KeyboardInterrupt:  # both have had it from the terminal, and end their own processes
            second.wait()
            raise
        finally:
            print(f"\n{' '.join(beside)}:", flush=True)
            said.seek(0)
            sys.stdout.buffer.write(said.read())
            sys.stdout.flush()
    sys.exit(verdict(codes))


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
