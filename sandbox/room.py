"""Whether the machine has room for one more run: memory for its limit, and disk for its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sandbox.limits import MIB, Limits

SPARE_BYTES = 256 * MIB  # of memory and of disk, which are never given to a run
MEMORY = Path("/proc/meminfo")
GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Room:
    memory_bytes: int
    disk_bytes: int

    def lacks(self, limits: Limits) -> str | None:
        """What there is too little of, as a sentence."""
        if self.memory_bytes < limits.memory_bytes + limits.workspace_bytes + SPARE_BYTES:
            return f"The machine has {self.memory_bytes // MIB} MiB of memory left, too little for a run."
        if self.disk_bytes < limits.files_bytes + limits.workspace_bytes + SPARE_BYTES:
            return f"The disk has {self.disk_bytes // MIB} MiB left, too little for a run's files."
        return None


def look(folder: Path) -> Room:
    """Now. A container's limit counts as the machine's."""
    disk = os.statvfs(folder)
    return Room(memory_bytes=min(_memory_of_machine(), _memory_of_group()), disk_bytes=disk.f_bavail * disk.f_frsize)


def _memory_of_machine() -> int:
    for line in MEMORY.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise OSError("MemAvailable is not told")


def _memory_of_group() -> int:
    """By control groups, version 2; without a limit, or without groups, there is no end to it."""
    try:
        most, used = (GROUP / "memory.max").read_text().strip(), (GROUP / "memory.current").read_text()
    except OSError:
        return 1 << 62
    return 1 << 62 if most == "max" else max(0, int(most) - int(used))
