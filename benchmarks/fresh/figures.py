"""Percentiles and their table."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Row:
    name: str
    took: tuple[float, ...]  # seconds

    def percentile(self, share: float) -> float:
        """Seconds; the smallest figure that so many are not above."""
        return sorted(self.took)[max(0, ceil(share * len(self.took)) - 1)]

    @property
    def p50_s(self) -> float:
        return self.percentile(0.5)

    @property
    def p99_s(self) -> float:
        return self.percentile(0.99)


def show(title: str, rows: list[Row], base: Row) -> None:
    print(f"\n{title}\n\n{'':38}{'rounds':>8}{'p50 ms':>10}{'p99 ms':>10}{'p50 to ours':>14}", flush=True)
    for row in rows:
        print(
            f"{row.name:38}{len(row.took):8}{1000 * row.p50_s:10.2f}{1000 * row.p99_s:10.2f}"
            f"{row.p50_s / base.p50_s:14.2f}",
            flush=True,
        )
