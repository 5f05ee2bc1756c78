"""How many different values a column has. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.guest.choose import choose
from workers.gateway.providers.offline.guest.table import Table


def answer_distinct(tables: list[Table], ask: dict[str, Any]) -> dict[str, Any]:
    choice = choose(tables, ask)
    column = choice.group or next(iter(choice.measures), choice.time)
    if column is None:
        return {"kind": "unmatched", **choice.about}
    values = list(dict.fromkeys(cell for i in choice.rows if (cell := column.cells[i]) is not None))
    shown = [value[:60] for value in values[:20]]
    found = {"column": column.name, "distinct": len(values), "values": shown}
    return {"kind": "distinct", **choice.about, **found}
