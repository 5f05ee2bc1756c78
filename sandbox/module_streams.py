"""
What a module reads and writes on its standard streams, as files below the working directory.

Files, since a host function for each write costs 20 microseconds, twelve times as much, and must never raise.
"""

from __future__ import annotations

import os

from wasmtime import WasiConfig

from sandbox.limits import Limits
from sandbox.said import Said

INPUT, OUTPUTS = "stdin", ("stdout", "stderr")


class Streams:
    """Made anew for each run. `pump` gives what was written since the last time to `said`, which keeps the limits."""

    def __init__(self, wasi: WasiConfig, stdin: str, limits: Limits, said: Said) -> None:
        with open(INPUT, "w", encoding="utf-8") as file:
            file.write(stdin)
        wasi.stdin_file = INPUT
        wasi.stdout_file, wasi.stderr_file = OUTPUTS
        self._said, self._most = said, limits.output_bytes + 1  # what is beyond that is cut in any case
        self._open = {kind: os.open(kind, os.O_RDONLY) for kind in OUTPUTS}
        self._read = dict.fromkeys(OUTPUTS, 0)

    def pump(self) -> bool:
        """Whether it is too much."""
        for kind, number in self._open.items():
            new = os.pread(number, self._most, self._read[kind])
            self._read[kind] += len(new)
            if new:
                self._said.emit(None, kind, new.decode("latin-1"))
        return self._said.exceeded is not None

    def close(self) -> None:
        for kind, number in self._open.items():
            os.close(number)
            os.unlink(kind)
        os.unlink(INPUT)
