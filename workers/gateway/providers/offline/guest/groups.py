"""Counts, totals, means and the like, over all rows or for each group. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.guest.choose import Choice, choose
from workers.gateway.providers.offline.guest.summary import summary
from workers.gateway.providers.offline.guest.table import Column, Table

GROUPS_LIMIT = 50
TEXT_LIMIT = 60


def answer_groups(tables: list[Table], ask: dict[str, Any]) -> dict[str, Any]:
    choice = choose(tables, ask)
    measure = choice.measures[0] if choice.measures else None
    how = way(ask, choice)
    if measure is None and how != "count":
        return {"kind": "unmatched", **choice.about}
    groups = summaries(choice, None if how == "count" else measure)
    sign = 1 if ask["direction"] == "lowest" else -1
    groups.sort(key=lambda group: (sign * group[how], group["name"]))
    return {
        "kind": "groups",
        **choice.about,
        "measure": measure.name if measure and how != "count" else None,
        "group": choice.group.name if choice.group else None,
        "how": how,
        "groups": groups[:GROUPS_LIMIT],
        "group_count": len(groups),
        "all": sum(group[how] for group in groups),
        "row": extreme_row(choice, how),
    }


def way(ask: dict[str, Any], choice: Choice) -> str:
    """The figure that decides. "How many units" adds up a column called units; else it counts rows."""
    named = choice.measures and not choice.about["assumed"]
    if ask["how"] == "count" or (ask["counts"] and not named):
        return "total" if named else "count"
    if ask["how"] or not ask["direction"] or choice.group:
        return ask["how"] or "mean"
    return "max" if ask["direction"] == "highest" else "min"


def summaries(choice: Choice, measure: Column | None) -> list[dict[str, Any]]:
    """A row without a group, or without a value where one is needed, is in none."""
    found: dict[str, list[float]] = {}
    for i in choice.rows:
        name = choice.group.cells[i] if choice.group else "all rows"
        value = measure.values[i] if measure else 1.0
        if name is not None and value is not None:
            found.setdefault(name, []).append(value)
    made = summary if measure else lambda values: {"count": len(values)}
    return [{"name": name[:TEXT_LIMIT], **made(values)} for name, values in found.items()]


def extreme_row(choice: Choice, how: str) -> dict[str, str] | None:
    """The row that holds the highest or lowest value, when that was the question."""
    if how not in ("max", "min") or choice.group:
        return None
    pairs = [(v, -i) for i in choice.rows if (v := choice.measures[0].values[i]) is not None]
    if not pairs:
        return None
    row = -(max if how == "max" else min)(pairs)[1]
    return {c.name: str(c.cells[row])[:TEXT_LIMIT] for c in choice.table.columns[:8] if c.cells[row]}
