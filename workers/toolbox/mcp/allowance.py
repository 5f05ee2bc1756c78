"""What a server may still say. Bytes alone don't bound it: values in memory take sixty times as much, a message a task."""

from __future__ import annotations

from dataclasses import dataclass

VALUES = 500_000  # of one answer or message
MESSAGES = 5_000  # after one request, or of one stream
LINES_EACH = 4  # of a message in a stream of events


@dataclass
class Allowance:
    """Negative is used up. `lines` counts the ends of lines, of either kind."""

    size_bytes: int
    values: int = VALUES
    lines: int = MESSAGES * LINES_EACH

    def take(self, data: bytes) -> bool:
        """Whether it was still allowed."""
        self.size_bytes -= len(data)
        self.values -= values_in(data)
        self.lines -= data.count(b"\n") + data.count(b"\r")
        return min(self.size_bytes, self.values, self.lines) >= 0


def values_in(data: bytes) -> int:
    """No fewer than JSON has in it: each but the first comes after one of these. Those within texts count as well."""
    return data.count(b",") + data.count(b"[") + data.count(b"{")
