"""What is in a file, in words and as a table. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.figures import figure
from workers.gateway.providers.offline.markdown import code, escape, table
from workers.gateway.providers.offline.report.section import Section, basis, label, sentence, where


def distinct_section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    shown = ", ".join(escape(value) for value in answer["values"])
    more = ", …" if answer["distinct"] > len(answer["values"]) else ""
    column = sentence(label(answer["column"]))
    headline = f"{column} has **{figure(answer['distinct'])}** different values{where(answer)}"
    return Section(f"{headline}: {shown}{more}.", basis(answer))


def profile_section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    columns = answer["columns"]
    size = f"{figure(answer['rows'])} rows and {answer['column_count']} columns"
    gaps = [f"{code(c['name'])} {figure(c['missing'])}" for c in columns if c["missing"]]
    headline = f"{code(answer['file'])} has {size}. " + (
        f"Missing values: {', '.join(gaps[:8])}." if gaps else "No values are missing."
    )
    header = [
        "Column",
        "Type",
        "Missing",
        "Distinct",
        "Min",
        "Mean",
        "Median",
        "Max",
        "Std. dev.",
        "Total / most frequent",
    ]
    rows = [[code(c["name"]), c["type"], figure(c["missing"]), figure(c["distinct"]), *_figures_of(c)] for c in columns]
    notes = "".join(f"\n\nNote: {escape(note)}." for note in answer["notes"])
    return Section(headline, table(header, rows) + notes, background=True)


def _figures_of(column: dict[str, Any]) -> list[str]:
    if "stats" in column:
        stats = column["stats"]
        return [figure(stats[name]) for name in ("min", "mean", "median", "max", "stdev", "total")]
    if "from" in column:
        return [escape(column["from"]), "–", "–", escape(column["to"]), "–", "–"]
    return ["–"] * 5 + [
        ", ".join(f"{escape(value)} ({figure(count)})" for value, count in column.get("top", [])[:3]) or "–"
    ]


def text_section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    lines, words, characters = (figure(answer[key]) for key in ("lines", "words", "characters"))
    size = f"{lines} lines, {words} words and {characters} characters"
    top = ", ".join(f"{escape(word)} ({figure(count)})" for word, count in answer["top"])
    body = f"Different words: {figure(answer['distinct'])}." + (f" Used most: {top}." if top else "")
    return Section(f"{code(answer['file'])} has {size}.", body, background=True)
