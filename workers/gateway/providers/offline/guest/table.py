"""Tables: columns with a kind, each cell as text and as a value. csvfile.py and jsonfile.py read them."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from workers.gateway.providers.offline.guest.cells import MISSING, moment, number

NAME_LIMIT = 60
COLUMNS_LIMIT = 200


class Column(NamedTuple):
    """`kind` is number, time or text; `values` are numbers, or decimal years for a time; None is missing."""

    name: str
    kind: str
    cells: list[str | None]
    values: list[float | None]


class Table(NamedTuple):
    file: str
    rows: int
    columns: list[Column]
    notes: list[str]


def table_of(file: str, header: list[str], rows: list[list[Any]], notes: list[str], decimal_comma: bool) -> Table:
    """Raises ValueError when there is no column."""
    width = min(max([len(header), *map(len, rows)]), COLUMNS_LIMIT)
    if not width:
        raise ValueError("the file is empty")
    names: list[str] = []
    for i in range(width):
        given = " ".join(header[i].split())[:NAME_LIMIT] if i < len(header) else ""
        name = given or f"column_{i + 1}"
        while name in names:
            name += f" ({i + 1})"
        names.append(name)
    columns = [column(name, [cell_at(row, i) for row in rows], decimal_comma) for i, name in enumerate(names)]
    return Table(file, len(rows), columns, notes)


def cell_at(row: list[Any], index: int) -> str | None:
    cell = row[index] if index < len(row) else ""
    text = cell.strip() if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    return None if text.casefold() in MISSING else text


def column(name: str, cells: list[str | None], decimal_comma: bool) -> Column:
    """A column is what all its cells are; whole numbers called year are a time."""
    values = [None if cell is None else number(cell, decimal_comma) for cell in cells]
    present = [value for value in values if value is not None]
    if present and len(present) == len(cells) - cells.count(None):
        years = "year" in name.casefold() and all(value in range(1000, 3000) for value in present)
        return Column(name, "time" if years else "number", cells, values)
    values = [None if cell is None else moment(cell) for cell in cells]
    dated = values.count(None) == cells.count(None) < len(cells)
    return Column(name, "time" if dated else "text", cells, values)
