"""Starts our own Python programs for tests and measurements, and ends them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.services import ROOT, die_with_parent


def launch(arguments: Sequence[str], *, log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """
    `python …`, in this tree; it is killed when whoever started it ends.

    Args:
        log: what it says goes to its end.
    """
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, *arguments], env=env, cwd=ROOT, stdout=out, stderr=out, preexec_fn=die_with_parent
        )


def gone(process: subprocess.Popen[bytes], within_s: float) -> None:
    """Wait for its end; killed when it doesn't end in time."""
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
