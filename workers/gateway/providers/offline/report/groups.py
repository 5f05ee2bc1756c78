"""Groups in words and as a table. Pure."""

from __future__ import annotations

from typing import Any

from workers.gateway.providers.offline.figures import figure, figures, percent, with_unit
from workers.gateway.providers.offline.markdown import code, escape, table
from workers.gateway.providers.offline.report.section import Section, basis, label, sentence, where

ROWS_LIMIT = 12
WORDS = {"mean": "mean", "median": "median", "total": "total", "max": "highest", "min": "lowest"}


def groups_section(answer: dict[str, Any], ask: dict[str, Any]) -> Section:
    if not answer["groups"]:
        return Section(f"No row of {code(answer['file'])} has such values{where(answer)}.", basis(answer))
    if not answer["group"]:
        return _single(answer)
    headline = _extreme(answer, ask) if ask["direction"] else _spread(answer)
    return Section(headline, "\n\n".join([_group_table(answer), basis(answer) + _left_out(answer)]))


def _left_out(answer: dict[str, Any]) -> str:
    """Rows without a group; known only where all groups are listed and rows are counted."""
    if answer["how"] != "count" or answer["rows"] == answer["all"]:
        return ""
    return f" {figure(answer['rows'] - answer['all'])} of them have no value there and are left out."


def _single(answer: dict[str, Any]) -> Section:
    found, how = answer["groups"][0], answer["how"]
    if how == "count":
        return Section(f"There are **{figure(found['count'])}** rows{where(answer)}.", basis(answer))
    value = with_unit(figure(found[how]), answer["measure"])
    headline = f"The {WORDS[how]} {label(answer['measure'])}{where(answer)} is **{escape(value)}**."
    if answer["row"]:
        cells = [f"{label(name)} {escape(cell)}" for name, cell in answer["row"].items()]
        headline += f" Its row: {', '.join(cells)}."
    return Section(headline, "\n\n".join([_group_table(answer), basis(answer)]))


def _extreme(answer: dict[str, Any], ask: dict[str, Any]) -> str:
    how, groups = answer["how"], answer["groups"]
    shown = figures([group[how] for group in groups])
    equal = [group for group in groups if group[how] == groups[0][how]]
    names = " and ".join(f"**{escape(group['name'])}**" for group in equal[:5])
    verb = "share" if len(equal) > 1 else "has"
    if how == "count":
        extreme = "most" if ask["direction"] == "highest" else "fewest"
        return f"{names} {verb} the {extreme} rows{where(answer)}: {shown[0]} of {figure(answer['all'])}."
    what = label(answer["measure"]) if _one_each(answer) else f"{WORDS[how]} {label(answer['measure'])}"
    value = escape(with_unit(shown[0], answer["measure"]))
    headline = f"{names} {verb} the {ask['direction']} {what}{where(answer)}: **{value}**{_of_total(answer)}."
    if len(groups) > len(equal):
        follower, behind = groups[len(equal)], escape(with_unit(shown[len(equal)], answer["measure"]))
        headline += f" Next is {escape(follower['name'])} with {behind}."
    return headline + _by_total(answer, ask)


def _by_total(answer: dict[str, Any], ask: dict[str, Any]) -> str:
    """When the question left open what decides, and the totals decide otherwise, the reader is told."""
    if ask["how"] or _one_each(answer) or answer["group_count"] > len(answer["groups"]):
        return ""
    best = (max if ask["direction"] == "highest" else min)(answer["groups"], key=lambda group: group["total"])
    if best["name"] == answer["groups"][0]["name"]:
        return ""
    value = escape(with_unit(figure(best["total"]), answer["measure"]))
    return f" By total it is {escape(best['name'])} with {value}."


def _of_total(answer: dict[str, Any]) -> str:
    share = _share(answer, answer["groups"][0])
    return "" if share is None else f", {percent(share)} of the total"


def _spread(answer: dict[str, Any]) -> str:
    how, groups = answer["how"], answer["groups"]
    shown = figures([group[how] for group in groups])
    if how == "count" or len(groups) <= 4:
        what = "Number of rows" if how == "count" else sentence(f"{_how(answer)}{label(answer['measure'])}")
        values = shown if how == "count" else [escape(with_unit(value, answer["measure"])) for value in shown]
        pairs = [f"{escape(group['name'])} **{value}**" for group, value in zip(groups, values, strict=True)]
        more = f" and {answer['group_count'] - 8} more" if answer["group_count"] > 8 else ""
        return f"{what} by {label(answer['group'])}{where(answer)}: {', '.join(pairs[:8])}{more}."
    top, low = (escape(with_unit(value, answer["measure"])) for value in (shown[0], shown[-1]))
    ends = f"from **{low}** ({escape(groups[-1]['name'])}) to **{top}** ({escape(groups[0]['name'])})"
    if answer["group_count"] > len(groups):
        ends = f"goes up to **{top}** ({escape(groups[0]['name'])})"
    return sentence(f"{_how(answer)}{label(answer['measure'])} by {label(answer['group'])}{where(answer)}: {ends}.")


def _group_table(answer: dict[str, Any]) -> str:
    groups = answer["groups"][:ROWS_LIMIT]
    columns = [("Count", "count")]
    if answer["how"] != "count":
        rest = ["mean", "median", "min", "max", "stdev", "total"]
        titles = {"stdev": "Std. dev."}
        columns += [(titles.get(name, name.capitalize()), name) for name in rest]
        columns = [("Value", "mean")] if _one_each(answer) else columns
    cells = [[escape(group["name"]) for group in groups]]
    cells += [figures([group[name] for group in groups]) for _, name in columns]
    header = [sentence(label(answer["group"] or "rows")), *(title for title, _ in columns)]
    if answer["group"] and all(_share(answer, group) is not None for group in groups):
        header.append("Share")
        cells.append([percent(_share(answer, group)) for group in groups])
    text = table(header, [list(row) for row in zip(*cells, strict=True)])
    hidden = answer["group_count"] - len(groups)
    return f"{text}\n\n… and {hidden} more." if hidden > 0 else text


def _share(answer: dict[str, Any], group: dict[str, Any]) -> float | None:
    """Percent of the whole, where parts of a whole are compared."""
    how = answer["how"]
    if how not in ("total", "count") or answer["all"] <= 0 or any(g[how] < 0 for g in answer["groups"]):
        return None
    return float(100 * group[how] / answer["all"])


def _one_each(answer: dict[str, Any]) -> bool:
    return all(group["count"] == 1 for group in answer["groups"]) and answer["how"] != "count"


def _how(answer: dict[str, Any]) -> str:
    return "" if _one_each(answer) else f"{WORDS[answer['how']]} "
