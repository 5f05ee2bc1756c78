"""
Keeps what a worker knows from the programs that it starts.

Its environment holds the keys of the database, of the models' providers and of the vault. Programs that it starts are given
another one, but those that run as the same user could read this one, and all of its memory, under /proc.
"""

from __future__ import annotations

import ctypes

PR_SET_DUMPABLE = 4


def keep_to_itself() -> None:
    """From here on only root looks inside. What is started later is not bound by it; there are no core dumps either."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
