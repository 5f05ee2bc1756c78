"""A line chart of series over time."""

from __future__ import annotations

import math
from typing import Any

from workers.gateway.providers.offline.guest.chart import COLOURS, drawing, label, short
from workers.gateway.providers.offline.guest.summary import ratio


def draw_trend(shown: dict[str, Any]) -> str:
    return lines(shown["title"], shown["series"])


def lines(title: str, series: list[tuple[str, list[tuple[float, float]]]]) -> str:
    """One line per series with a legend; the vertical axis spans the values, and zero when it is near."""
    points = [point for _, line_points in series for point in line_points]
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    y0, y1 = min(y for _, y in points), max(y for _, y in points)
    y0 = 0.0 if 0 < y0 < 0.5 * y1 else y0
    xs, ys = ratio(380, x1 - x0) or 0.0, ratio(250, y1 - y0) or 0.0
    parts = []
    for tick in range(5):
        value = y0 + (y1 - y0) * tick / 4
        y = 300 - (value - y0) * ys
        parts.append(f'<line x1="80" y1="{y:.1f}" x2="460" y2="{y:.1f}" stroke="#e5e7eb"/>')
        parts.append(label(74, y + 4, short(value), "end"))
        when = x0 + (x1 - x0) * tick / 4
        parts.append(label(80 + (when - x0) * xs, 320, f"{math.floor(when + 1e-9)}", "middle"))
    for position, (name, line_points) in enumerate(series):
        colour = COLOURS[position % len(COLOURS)]
        path = " ".join(f"{80 + (x - x0) * xs:.1f},{300 - (y - y0) * ys:.1f}" for x, y in line_points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<rect x="474" y="{52 + 20 * position}" width="12" height="12" fill="{colour}"/>')
        parts.append(label(492, 63 + 20 * position, name, limit=20))
    return drawing(title, 340, parts)
