"""Which charts follow from what the scripts found. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.figures import label_of, unit_of
from workers.gateway.providers.offline.program import chart_script

BARS_LIMIT = 20


def chart_code(answer: dict[str, Any], name: str) -> str | None:
    """
    The script that draws an answer, or None where there is nothing to compare.

    Raises:
        KeyError, TypeError, ValueError, IndexError: the answer is not of its kind's shape.
    """
    kind = answer["kind"]
    if kind == "groups" and answer["group"] and answer["groups"]:
        return chart_script(kind=kind, name=name, shown=_bars(answer))
    if kind == "trend" and answer["points"]:
        return chart_script(kind=kind, name=name, shown=_lines(answer))
    return None


def _bars(answer: dict[str, Any]) -> dict[str, Any]:
    how = answer["how"]
    what = "number of rows" if how == "count" else f"{how} {_titled(answer['measure'])}"
    pairs = [(group["name"], _short(group[how])) for group in answer["groups"][:BARS_LIMIT]]
    return {"title": f"{what[:1].upper()}{what[1:]} by {label_of(answer['group'])}", "pairs": pairs}


def _lines(answer: dict[str, Any]) -> dict[str, Any]:
    what = _titled(answer["measure"])
    series = [(name, [(round(x, 3), _short(y)) for x, y, _ in points]) for name, points in answer["points"]]
    return {"title": f"{what[:1].upper()}{what[1:]} over {label_of(answer['time'])}", "series": series}


def _titled(column: str) -> str:
    unit = unit_of(column)
    return f"{label_of(column)} ({unit})" if unit else label_of(column)


def _short(value: float) -> float:
    """Six digits are more than a chart of this size can show."""
    return float(f"{value:.6g}")
