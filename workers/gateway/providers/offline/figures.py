"""Figures and units as a reader sees them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

SHOWN = "GWh MWh kWh TWh kW USD EUR GBP mm cm m km g kg mg lb l s ms min h ppm"
UNITS = {unit.casefold(): unit for unit in SHOWN.split()}
UNITS |= {"pct": "%", "percent": "%", "lbs": "lb"}
IN_BRACKETS = re.compile(r"^(.+?)\s*[(\[]([^)\]]{1,12})[)\]]$")


def unit_of(column: str) -> str:
    """`body_mass_g` gives g, `Price (USD)` gives USD, most names give nothing."""
    bracketed = IN_BRACKETS.match(column)
    if bracketed:
        return bracketed[2].strip()
    head, _, last = column.rpartition("_")
    return UNITS.get(last.casefold(), "") if head else ""


def label_of(column: str) -> str:
    """The name in words, without its unit: `body_mass_g` gives body mass."""
    bracketed = IN_BRACKETS.match(column)
    if bracketed:
        return bracketed[1]
    bare = column.rpartition("_")[0] if unit_of(column) else column
    return " ".join(re.split(r"[_\s]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", bare))).strip() or column


def figures(values: Sequence[float | None]) -> list[str]:
    """
    Values of one kind, with the same number of decimals: none when all are whole, else two.

    >>> figures([5076.016, 3700, None])
    ['5,076.02', '3,700.00', '–']
    """
    present = [value for value in values if value is not None]
    whole = all(float(value).is_integer() for value in present)
    small = not whole and max(map(abs, present)) < 0.1
    return ["–" if value is None else _figure(value, whole, small) for value in values]


def figure(value: float | None) -> str:
    return figures([value])[0]


def with_unit(text: str, column: str) -> str:
    unit = unit_of(column)
    return f"{text}%" if unit == "%" else f"{text} {unit}".rstrip()


def signed(value: float | None) -> str:
    text = figure(value)
    return f"+{text}" if value is not None and value > 0 else text


def percent(value: float | None) -> str:
    """One decimal, e.g. 64.2%."""
    return "–" if value is None else f"{value:,.1f}%" if abs(value) < 1e6 else f"{value:.3g}%"


def _figure(value: float, whole: bool, small: bool) -> str:
    if abs(value) >= 1e15 or (small and value):
        return f"{value:.4g}"
    text = f"{value:,.0f}" if whole else f"{value:,.2f}"
    return text.removeprefix("-") if not re.search("[1-9]", text) else text
