"""Reads CSV: the delimiter, the header and the decimal mark are found from the data."""

from __future__ import annotations

import csv
import io

from workers.gateway.providers.offline.guest.cells import moment, number
from workers.gateway.providers.offline.guest.table import Table, table_of

DELIMITERS = ",;\t|"
SAMPLE_CHARS = 20000


def csv_table(file: str, text: str) -> Table:
    """The first line is the header unless one of its cells is a number or a date."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    delimiter, rows = cells_of(text)
    first = rows[0] if rows else []
    headed = all(number(cell) is None and moment(cell) is None for cell in first)
    odd = sum(len(row) != len(first) for row in rows)
    notes = [f"{odd} rows have more or fewer cells than the first line"] if odd else []
    if not headed:
        notes.append("no header line, so the columns are numbered")
    return table_of(file, first if headed else [], rows[headed:], notes, delimiter == ";")


def cells_of(text: str) -> tuple[str, list[list[str]]]:
    """The delimiter and the rows that aren't blank. A cell may be as long as the text; the limit is the process's."""
    before = csv.field_size_limit(len(text) + 1)
    try:
        delimiter = max(DELIMITERS, key=lambda d: fit(text[:SAMPLE_CHARS], d))
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
        return delimiter, [row for row in rows if any(map(str.strip, row))]
    finally:
        csv.field_size_limit(before)


def fit(sample: str, delimiter: str) -> tuple[float, int]:
    """The share of lines as wide as the first, and that width; nothing for a single column."""
    rows = [row for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row][:30]
    width = len(rows[0]) if rows else 0
    return (sum(len(row) == width for row in rows) / len(rows), width) if width > 1 else (0.0, 0)
