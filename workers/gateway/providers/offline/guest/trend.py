"""How a column moves with time. Pure."""

from __future__ import annotations

import math
from typing import Any

from workers.gateway.providers.offline.guest.choose import Choice, choose
from workers.gateway.providers.offline.guest.line import line
from workers.gateway.providers.offline.guest.summary import ratio
from workers.gateway.providers.offline.guest.table import Column, Table

SERIES_LIMIT = 12
POINTS_LIMIT = 240  # in a chart, of all series together

Point = tuple[float, float, str]  # decimal year, value, the time as written


def answer_trend(tables: list[Table], ask: dict[str, Any]) -> dict[str, Any]:
    choice = choose(tables, ask)
    if choice.time is None or not choice.measures:
        return {"kind": "unmatched", "lacks_time": choice.time is None, **choice.about}
    group = None if choice.group is choice.time else choice.group
    found = series(choice, choice.measures[0], choice.time, group, ask["how"] == "total")
    shown = {name: points for name, points in found.items() if len(points) > 1}
    return {
        "kind": "trend",
        **choice.about,
        "measure": choice.measures[0].name,
        "time": choice.time.name,
        "group": group.name if group else None,
        "merged": sum(map(len, found.values())) < len(choice.rows),
        "series": [moved(name, points) for name, points in list(shown.items())[:SERIES_LIMIT]],
        "series_count": len(shown),
        "points": thinned(list(shown.items())[:SERIES_LIMIT]) if ask["chart"] else None,
    }


def series(choice: Choice, measure: Column, time: Column, group: Column | None, total: bool) -> dict[str, list[Point]]:
    """Points in order of time for each group. Rows of one time become their mean or, if asked, a total."""
    at: dict[str, dict[float, list[tuple[float, str]]]] = {}
    for i in choice.rows:
        when, value = time.values[i], measure.values[i]
        name = group.cells[i] if group else measure.name
        if when is not None and value is not None and name is not None:
            at.setdefault(name[:60], {}).setdefault(when, []).append((value, str(time.cells[i])[:20]))
    found = {}
    for name, times in at.items():
        sums = [(when, math.fsum(v for v, _ in pairs), pairs) for when, pairs in sorted(times.items())]
        found[name] = [(when, s if total else s / len(pairs), pairs[0][1]) for when, s, pairs in sums]
    return found


def thinned(shown: list[tuple[str, list[Point]]]) -> list[tuple[str, list[Point]]]:
    """Every n-th point, the last included, so that a chart stays small."""
    step = 1 + sum(len(points) for _, points in shown) // POINTS_LIMIT
    return [(name, points[::-step][::-1]) for name, points in shown]


def moved(name: str, points: list[Point]) -> dict[str, Any]:
    """First, last, change, peak, and the slope of the least squares line in units per year."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return {
        "name": name,
        "first": points[0][1:],
        "last": points[-1][1:],
        "peak": max(points, key=lambda point: point[1])[1:],
        "change": ys[-1] - ys[0],
        "change_pct": ratio(100 * (ys[-1] - ys[0]), ys[0]) if ys[0] > 0 else None,
        "slope": line(xs, ys)[0],
    }
