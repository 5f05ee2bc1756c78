"""What is in a table: columns, kinds, missing values, statistics. Pure."""

from __future__ import annotations

import collections
from typing import Any

from workers.gateway.providers.offline.guest.summary import summary
from workers.gateway.providers.offline.guest.table import Column, Table

SHOWN_COLUMNS = 60


def answer_profile(tables: list[Table], ask: dict[str, Any]) -> dict[str, Any]:
    """A profile is asked for one file at a time."""
    table = tables[0]
    return {
        "kind": "profile",
        "file": table.file,
        "rows": table.rows,
        "column_count": len(table.columns),
        "notes": table.notes,
        "columns": [profile_column(column) for column in table.columns[:SHOWN_COLUMNS]],
    }


def profile_column(column: Column) -> dict[str, Any]:
    counts = collections.Counter(cell for cell in column.cells if cell is not None)
    result: dict[str, Any] = {
        "name": column.name,
        "type": column.kind,
        "missing": len(column.cells) - counts.total(),
        "distinct": len(counts),
    }
    values = [value for value in column.values if value is not None]
    if column.kind == "number":
        result["stats"] = summary(values)
    elif column.kind == "time":
        dated = [(v, str(c)[:20]) for v, c in zip(column.values, column.cells, strict=True) if v is not None]
        result["from"], result["to"] = min(dated)[1], max(dated)[1]
    else:
        result["top"] = [[value[:40], count] for value, count in counts.most_common(5)]
    return result
