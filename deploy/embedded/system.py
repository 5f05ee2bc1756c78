"""The one call to the operating system that Python has no name for."""

from __future__ import annotations

import ctypes

PR_SET_PDEATHSIG = 1


def die_with_parent(signal: int) -> None:
    """From now on the kernel sends this process the signal when its parent ends, however that ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal))
