"""
Figures that the examples' answers must contain, calculated from the data files alone.

Nothing here comes from the code under test: rows by `csv`, figures by `statistics` and plain sums, and the
formatting of numbers is written out again.
"""

from __future__ import annotations

import csv
import statistics
from pathlib import Path

Rows = list[dict[str, str]]


def expected(folder: Path) -> list[str]:
    """Pieces of text, e.g. `5,076.02 g`, each of which the answer to the example in `folder` must contain."""
    return {"electricity": electricity, "penguins": penguins}[folder.name](folder)


def electricity(folder: Path) -> list[str]:
    by_source = _grouped(_rows(folder / "iowa-electricity.csv"), "source", "net_generation_gwh", also="year")
    totals = {source: sum(value for _, value in pairs) for source, pairs in by_source.items()}
    winner = max(totals, key=lambda source: totals[source])
    share = 100 * totals[winner] / sum(totals.values())
    found = [
        f"**{winner}** has the highest total",
        f"{totals[winner]:,.0f} GWh",
        f"{share:.1f}% of the total",
    ]
    for source, pairs in by_source.items():
        years, values = zip(*sorted((int(year), value) for year, value in pairs), strict=True)
        slope = statistics.linear_regression(years, values).slope
        change = 100 * (values[-1] - values[0]) / values[0]
        found += [source, f"{values[0]:,.0f} GWh in {years[0]}", f"{values[-1]:,.0f} GWh in {years[-1]}"]
        found += [f"{totals[source]:,.0f}", f"{slope:,.2f}", f"{change:,.1f}%"]
    return [*found, "Chart: chart.svg"]


def penguins(folder: Path) -> list[str]:
    rows = _rows(folder / "penguins.csv")
    masses = _means(_grouped(rows, "species", "body_mass_g"))
    flippers = _means(_grouped(rows, "island", "flipper_length_mm"))
    winner = max(masses, key=lambda species: masses[species])
    found = [f"**{winner}** has the highest mean body mass: **{masses[winner]:,.2f} g**"]
    found += [f"{mean:,.2f}" for mean in masses.values()]
    found += [f"{island} **{mean:,.2f} mm**" for island, mean in flippers.items()]
    for sex in ("male", "female"):
        found.append(f"{sex} **{sum(row['sex'] == sex for row in rows)}**")
    return [*found, f"{len(rows)} rows", "Chart: chart.svg"]


def _rows(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _grouped(rows: Rows, group: str, measure: str, also: str = "") -> dict[str, list[tuple[str, float]]]:
    """Per group the pairs (cell of `also`, value); rows without a value are left out."""
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        if row[measure] != "NA":
            found.setdefault(row[group], []).append((row[also] if also else "", float(row[measure])))
    return found


def _means(groups: dict[str, list[tuple[str, float]]]) -> dict[str, float]:
    return {name: statistics.fmean(value for _, value in pairs) for name, pairs in groups.items()}
