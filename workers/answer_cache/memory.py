"""The answers of one process: least recently used ones go first, bounded in bytes and in time. Knows no answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

WARN, CRITICAL = 0.8, 0.95  # of the bound: beyond them expired ones go, and those that were not used for longest
ROOM = 2  # times what is asked for is freed, so that not every answer that comes in pushes one out
AROUND_BYTES = 300  # what an entry takes beside its text and its key, measured


@dataclass(frozen=True)
class _Entry:
    value: bytes
    until: float

    def size(self, key: str) -> int:
        return len(self.value) + len(key) + AROUND_BYTES


class Memory:
    """
    Args:
        clock: seconds that never go back.
    Attributes:
        used_bytes, most_used_bytes: now, and at most so far.
    """

    def __init__(self, bound_bytes: int, *, clock: Callable[[], float]) -> None:
        self._bound, self._clock = bound_bytes, clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self.used_bytes = self.most_used_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= self._clock():
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def keep(self, key: str, value: bytes, left_s: float) -> None:
        """What would not fit beside anything else is not kept."""
        self.drop(key)
        entry = _Entry(value, self._clock() + left_s)
        size = entry.size(key)
        if left_s <= 0 or ROOM * size > self._bound:
            return
        self._make_room(size)
        self._entries[key] = entry
        self.used_bytes += size
        self.most_used_bytes = max(self.most_used_bytes, self.used_bytes)

    def drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used_bytes -= entry.size(key)

    def _make_room(self, size: int) -> None:
        if self.used_bytes + size > WARN * self._bound:
            now = self._clock()
            for key in [key for key, entry in self._entries.items() if entry.until <= now]:
                self.drop(key)
        if self.used_bytes + size > CRITICAL * self._bound:
            while self._entries and self._bound - self.used_bytes < ROOM * size:
                self.drop(next(iter(self._entries)))
