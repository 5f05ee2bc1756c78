"""What this process holds of memory, as Linux counts it: also where /proc is out of reach later."""

from __future__ import annotations

import os

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
RESIDENT, WRITABLE = 1, 5  # of /proc/self/statm, in pages


class OwnMemory:
    """Made before the process is confined."""

    def __init__(self) -> None:
        self._counts = os.open("/proc/self/statm", os.O_RDONLY)

    def resident_bytes(self) -> int:
        return self._bytes(RESIDENT)

    def writable_bytes(self) -> int:
        """Of all that is mapped to be written, touched or not."""
        return self._bytes(WRITABLE)

    def _bytes(self, which: int) -> int:
        return int(os.pread(self._counts, 200, 0).split()[which]) * PAGE_BYTES
