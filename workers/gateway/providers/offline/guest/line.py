"""The straight line through points. Pure."""

from __future__ import annotations

import math

from workers.gateway.providers.offline.guest.summary import ratio


def line(xs: list[float], ys: list[float]) -> tuple[float | None, float | None]:
    """Slope of the least squares line and Pearson's r; None where a column does not vary."""
    mx, my = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    sxx = math.fsum((x - mx) ** 2 for x in xs)
    syy = math.fsum((y - my) ** 2 for y in ys)
    sxy = math.fsum((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True))
    return ratio(sxy, sxx), ratio(sxy, math.sqrt(sxx) * math.sqrt(syy))
