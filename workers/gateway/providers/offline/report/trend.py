"""Series over time, and two columns against each other. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.figures import figure, figures, percent, signed, unit_of, with_unit
from workers.gateway.providers.offline.markdown import code, escape, table
from workers.gateway.providers.offline.report.section import Section, basis, label, sentence, where


def trend_section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    series = answer["series"]
    if not series:
        return Section(f"{code(answer['file'])} has too few points in time for a trend{where(answer)}.", basis(answer))
    if not answer["group"]:
        return Section(
            f"{sentence(label(answer['measure']))}{where(answer)} {_moved(series[0], answer)}.",
            _moves(answer, ask),
        )
    order = sorted(series, key=lambda s: s["change"], reverse=ask["direction"] != "lowest")
    if ask["direction"]:
        extreme = "largest" if ask["direction"] == "highest" else "smallest (most negative)"
        first = f"**{escape(order[0]['name'])}** has the {extreme} change in {label(answer['measure'])}"
        return Section(f"{first}{where(answer)}: it {_moved(order[0], answer)}.", _moves(answer, ask))
    told = "; ".join(f"**{escape(s['name'])}** {_moved(s, answer)}" for s in order[:4])
    rest = f"; {answer['series_count'] - 4} more are in the table" if answer["series_count"] > 4 else ""
    return Section(
        f"{sentence(label(answer['measure']))} by {label(answer['group'])}{where(answer)}: {told}{rest}.",
        _moves(answer, ask),
    )


def _moved(series: dict[str, Any], answer: dict[str, Any]) -> str:
    (start, first), (end, last) = series["first"], series["last"]
    values = [escape(with_unit(text, answer["measure"])) for text in figures([start, end])]
    verb = "rose" if series["change"] > 0 else "fell" if series["change"] < 0 else "did not change, comparing the ends,"
    part = series["change_pct"]
    change = "" if part is None or not part else f" ({'+' if part > 0 else ''}{percent(part)})"
    return f"{verb} from {values[0]} in {escape(first)} to {values[1]} in {escape(last)}{change}"


def _moves(answer: dict[str, Any], ask: dict[str, Any]) -> str:
    rows, series = [], answer["series"]
    ends = [figures([s["first"][0], s["last"][0], s["change"]]) for s in series]
    for s, (start, end, _) in zip(series, ends, strict=True):
        change = percent(s["change_pct"])
        peak = f"{figure(s['peak'][0])} ({escape(s['peak'][1])})"
        rows.append([escape(s["name"]), start, end, signed(s["change"]), change, signed(s["slope"]), peak])
    name = sentence(label(answer["group"])) if answer["group"] else "Column"
    text = table([name, "First", "Last", "Change", "Change %", "Slope per year", "Peak"], rows)
    per = "total" if ask["how"] == "total" else "mean"
    notes = [f"Several rows of one {label(answer['time'])} count as their {per}."] if answer["merged"] else []
    unit = unit_of(answer["measure"])
    notes.append("The slope is that of the least squares line" + (f", in {escape(unit)} per year." if unit else "."))
    return "\n\n".join([text, " ".join([*notes, basis(answer)])])


def relation_section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    first, second = (label(name) for name in answer["pair"])
    if answer["r"] is None:
        return Section(f"{sentence(first)} and {second} have too few or constant values to be related.", basis(answer))
    headline = f"{sentence(first)} and {second} have {_strength(answer['r'])} relation"
    r = f"Pearson's r is **{answer['r']:.3f}**"
    pairs = f"over {figure(answer['pairs'])} pairs{where(answer)}"
    slope = f"{second} changes by {figure(answer['slope'])} per unit of {first}"
    return Section(f"{headline}: {r} {pairs}; {slope}.", basis(answer))


def _strength(r: float) -> str:
    """Words for the size of a correlation; the bounds are a common rule of thumb."""
    sense = "positive" if r > 0 else "negative"
    words = ((0.7, f"a strong {sense}"), (0.4, f"a moderate {sense}"), (0.1, f"a weak {sense}"))
    return next((text for bound, text in words if abs(r) >= bound), "no linear")
