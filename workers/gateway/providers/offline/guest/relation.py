"""How two columns move together. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.guest.choose import choose
from workers.gateway.providers.offline.guest.line import line
from workers.gateway.providers.offline.guest.table import Table


def answer_relation(tables: list[Table], ask: dict[str, Any]) -> dict[str, Any]:
    """The slope is of the second column over the first."""
    choice = choose(tables, ask)
    columns = [*choice.measures, choice.time]
    first, second = columns[0], columns[1] if len(columns) > 1 else None
    if first is None or second is None:
        return {"kind": "unmatched", **choice.about}
    pairs = [(first.values[i], second.values[i]) for i in choice.rows]
    both = [(x, y) for x, y in pairs if x is not None and y is not None]
    slope, r = line([x for x, _ in both], [y for _, y in both]) if both else (None, None)
    names = [first.name, second.name]
    return {"kind": "relation", **choice.about, "pair": names, "pairs": len(both), "slope": slope, "r": r}
