"""A run's time and randomness, fixed, so that it can be repeated. Takes the place of two of WASI's interfaces."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from wasmtime.component import Linker, Record

WASI = "0.2.9"  # as the image imports it
SECOND_NS = 10**9

Functions = dict[str, Callable[..., Any]]


class Fixed:
    """Host functions may not raise; these have nothing to raise over. `set` before each run."""

    def __init__(self) -> None:
        self.set(None, None)

    def set(self, clock: float | None, seed: int | None) -> None:
        """Seconds since 1970; None: the real time, real randomness."""
        self._ns = None if clock is None else max(0, int(clock * SECOND_NS))
        self._random: random.Random = random.SystemRandom() if seed is None else random.Random(seed)

    def link(self, linker: Linker) -> None:
        linker.allow_shadowing = True
        times: Functions = {"now": self._now, "resolution": self._resolution}
        _link(linker, f"wasi:clocks/wall-clock@{WASI}", times)
        numbers: Functions = {"get-random-bytes": self._bytes, "get-random-u64": self._number}
        _link(linker, f"wasi:random/random@{WASI}", numbers)

    def _now(self, _store: Any) -> Record:
        return _time(time.time_ns() if self._ns is None else self._ns)

    def _resolution(self, _store: Any) -> Record:
        return _time(1)

    def _bytes(self, _store: Any, wanted: int) -> bytes:
        return self._random.randbytes(min(wanted, 65_536))

    def _number(self, _store: Any) -> int:
        return self._random.getrandbits(64)


def _link(linker: Linker, name: str, functions: Functions) -> None:
    with linker.root() as root, root.add_instance(name) as instance:
        for function, does in functions.items():
            instance.add_func(function, does)


def _time(ns: int) -> Record:
    record = Record()
    record.__dict__["seconds"], record.__dict__["nanoseconds"] = divmod(ns, SECOND_NS)
    return record
