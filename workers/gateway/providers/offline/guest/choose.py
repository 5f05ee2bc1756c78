"""From a question's words to the table, the measures, the group, the time and the rows that it is about."""

from __future__ import annotations

from typing import Any, NamedTuple

from workers.gateway.providers.offline.guest.table import Column, Table
from workers.gateway.providers.offline.guest.words import find_columns, find_values


class Choice(NamedTuple):
    """`rows` are the numbers of the rows that pass the filters; `about` says which file and filters."""

    measures: list[Column]
    group: Column | None
    time: Column | None
    rows: list[int]
    about: dict[str, Any]
    table: Table


def choose(tables: list[Table], ask: dict[str, Any]) -> Choice:
    """The table whose columns the question names most; the first one when none stands out."""
    choices = [choose_in(table, ask) for table in tables]
    return max(choices, key=lambda c: 2 * len(c.measures) + 2 * bool(c.group) - bool(c.about["assumed"]))


def choose_in(table: Table, ask: dict[str, Any]) -> Choice:
    """The group stands after "which" or "by", or is a named text column, or one with two named values."""
    columns = table.columns
    named = find_columns(columns, ask["words"])
    groups = groups_named(find_columns(columns, ask["group"]), named, ask)
    groups += [c for c in named if c.kind == "text"]
    values = find_values([c for c in columns if c not in named or c in groups[:1]], ask["words"])
    groups += [c for c in columns if len(values.get(c.name, [])) > 1]
    numbers = [c for c in columns if c.kind == "number" and c not in groups[:1]]
    measures = [c for c in named if c in numbers]
    assumed = not measures and len(numbers) == 1
    time = next((c for c in [*named, *columns] if c.kind == "time"), None)
    rows, kept = filtered(table, values, time, ask["years"])
    about = {"file": table.file, "rows": len(rows), "kept": kept, "assumed": assumed}
    about["columns"] = [c.name for c in columns[:60]]
    return Choice(numbers if assumed else measures, groups[0] if groups else None, time, rows, about, table)


def groups_named(asked: list[Column], named: list[Column], ask: dict[str, Any]) -> list[Column]:
    """Numbers group only when something else is measured: "compare towns by price" measures the price."""
    measured = any(c.kind == "number" and c not in asked for c in named) or ask["counts"] or ask["how"] == "count"
    return sorted((c for c in asked if c.kind != "number" or measured), key=lambda c: c.kind == "number")


def filtered(
    table: Table, values: dict[str, list[str]], time: Column | None, years: list[Any]
) -> tuple[list[int], list[str]]:
    rows, kept = list(range(table.rows)), []
    for column in table.columns:
        if column.name in values:
            rows = [i for i in rows if column.cells[i] in values[column.name]]
            kept.append(f"{column.name} is {' or '.join(values[column.name])}"[:200])
    if years and time:
        rows = [i for i in rows if (t := time.values[i]) is not None and years[0] <= int(t) <= years[1]]
        kept.append(f"{time.name} is {years[2]}")
    return rows, kept
