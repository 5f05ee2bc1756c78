"""Figures of a list of numbers. Pure."""

from __future__ import annotations

import math
import statistics


def summary(values: list[float]) -> dict[str, float | None]:
    """Sample standard deviation (n - 1); None for fewer than two values."""
    count, total = len(values), math.fsum(values)
    mean = total / count
    squares = math.fsum((value - mean) ** 2 for value in values)
    return {
        "count": count,
        "total": total,
        "mean": mean,
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "stdev": math.sqrt(squares / (count - 1)) if count > 1 else None,
    }


def ratio(above: float, below: float) -> float | None:
    """None where the division has no finite result."""
    result = above / below if below else math.inf
    return result if math.isfinite(result) else None
