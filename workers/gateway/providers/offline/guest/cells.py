"""From the text of a cell to a number or a point in time. Pure."""

from __future__ import annotations

import datetime
import re

MISSING = {"", "na", "n/a", "nan", "null", "none"}
LARGEST = 1e100  # beyond it squares overflow; such a cell counts as text
PLAIN = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
GROUPED = re.compile(r"[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
CONTINENTAL = re.compile(r"[-+]?[0-9]+(\.[0-9]{3})*,[0-9]+")
QUARTER = re.compile(r"([0-9]{4})[- ]?[Qq]([1-4])")
ISO = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})(?:[-/]([0-9]{1,2}))?(?:[T ][0-9:.,Zz+ -]*)?")


def number(cell: str, decimal_comma: bool = False) -> float | None:
    """`1200`, `-1.5e3`, `1,200.5`, `$12`, `12%`; with `decimal_comma` also `1.200,5`; else None."""
    text = cell.strip("$€£% ")
    if decimal_comma and CONTINENTAL.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    elif GROUPED.fullmatch(text):
        text = text.replace(",", "")
    value = float(text) if PLAIN.fullmatch(text) else LARGEST * 10
    return value if abs(value) <= LARGEST else None


def moment(cell: str) -> float | None:
    """An ISO date or a quarter (2007Q3) as a decimal year, e.g. 2007.5. Others are ambiguous: None."""
    quarter, iso = QUARTER.fullmatch(cell), ISO.fullmatch(cell)
    if quarter:
        return int(quarter[1]) + (int(quarter[2]) - 1) / 4
    try:
        date = datetime.date(int(iso[1]), int(iso[2]), int(iso[3] or 1)) if iso else None
    except ValueError:
        return None
    if date is None:
        return None
    days = 365 + (date.year % 4 == 0 and (date.year % 100 != 0 or date.year % 400 == 0))
    return date.year + (date - date.replace(month=1, day=1)).days / days
