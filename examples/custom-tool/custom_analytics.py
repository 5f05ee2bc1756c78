"""A custom tool, complete: describes a table, continues a line, or says which option did best."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from workers.toolbox.registry import Tool, ToolContext, ToolResult

ROWS_LIMIT = 100_000
AHEAD_LIMIT = 100
CLEAR = 2.0  # so many standard errors between the best two are no accident


class Unfit(Exception):
    """The data or the columns don't allow what is asked; the message is for the model."""


class CustomAnalytics(Tool):
    name = "custom_analytics"
    description = (
        "Analyses a table (CSV with a header, or a JSON list of objects). descriptive: count, mean, spread and quartiles "
        "of each column of numbers. predictive: the line through x and y, and y for further values of x. prescriptive: "
        "which value of option has the best mean of outcome, and whether that is clear."
    )
    category = "analytics"
    branch = "data_analysis"
    effect = "computes"
    uses_workspace = True
    untrusted = True  # names of columns and options are words of whoever wrote the table
    price_usd = Decimal("0.0005")
    timeout_s = 10.0
    rate_per_minute = 120
    parameters = {
        "type": "object",
        "properties": {
            "data_source": {
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "An attached file or one of the session's files, for example sales.csv",
            },
            "analysis_type": {"enum": ["descriptive", "predictive", "prescriptive"]},
            "parameters": {
                "type": "object",
                "properties": {
                    "x": {"type": "string", "description": "predictive: column of numbers to go by"},
                    "y": {"type": "string", "description": "predictive: column of numbers to predict"},
                    "ahead": {"type": "integer", "minimum": 1, "maximum": AHEAD_LIMIT, "default": 3},
                    "option": {"type": "string", "description": "prescriptive: column of what one can choose"},
                    "outcome": {"type": "string", "description": "prescriptive: column of numbers that it led to"},
                    "goal": {"enum": ["maximise", "minimise"], "default": "maximise"},
                },
                "additionalProperties": False,
            },
        },
        "required": ["data_source", "analysis_type"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        """In a thread: a worker's event loop serves many calls at once and must not compute."""
        files = {**context.workspace, **context.files}
        try:
            return ToolResult.success(await asyncio.to_thread(analysed, arguments, files))
        except Unfit as error:
            return ToolResult.failure("analytics.unfit", str(error))


def analysed(arguments: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, Any]:
    """
    Raises:
        Unfit
    """
    rows = table(arguments["data_source"], files)
    given = arguments.get("parameters", {})
    kind = arguments["analysis_type"]
    if kind == "descriptive":
        return {"rows": len(rows), "columns": described(rows)}
    for name in ("x", "y") if kind == "predictive" else ("option", "outcome"):
        if name not in given:
            raise Unfit(f"parameters.{name} is required for a {kind} analysis")
        if name != "option":
            numbers(rows, given[name])
    if kind == "predictive":
        return predicted(rows, given["x"], given["y"], given.get("ahead", 3))
    return advised(rows, given["option"], given["outcome"], given.get("goal", "maximise"))


def table(source: str, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    if source not in files:
        raise Unfit(f"data_source: there is no file {source!r}; there are: {', '.join(sorted(files)[:20]) or 'none'}")
    try:
        text = files[source].decode("utf-8-sig")
        rows = json.loads(text) if source.endswith(".json") else list(csv.DictReader(io.StringIO(text)))
    except ValueError as error:
        raise Unfit(f"data_source: {source!r} can't be read: {error}") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Unfit(f"data_source: {source!r} has no rows")
    if len(rows) > ROWS_LIMIT:
        raise Unfit(f"data_source: {source!r} has {len(rows)} rows; the limit is {ROWS_LIMIT}")
    return rows


def number(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def numbers(rows: Sequence[Mapping[str, Any]], column: str) -> list[float]:
    """Those of the column; what is no number is left out."""
    found = [value for row in rows if (value := number(row.get(column))) is not None]
    if len(found) < 2:
        known = ", ".join(map(str, rows[0]))
        raise Unfit(f"column {column!r} has fewer than two numbers; the columns are: {known}")
    return found


def described(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    columns = {}
    for column in rows[0]:
        try:
            found = numbers(rows, column)
        except Unfit:
            continue
        low, middle, high = statistics.quantiles(found, n=4, method="inclusive")
        columns[column] = {
            "count": len(found), "missing": len(rows) - len(found), "mean": shown(statistics.fmean(found)),
            "stdev": shown(statistics.stdev(found)), "min": min(found), "quartiles": [shown(low), shown(middle), shown(high)],
            "max": max(found),
        }  # fmt: skip
    if not columns:
        raise Unfit("no column has numbers")
    return columns


def predicted(rows: Sequence[Mapping[str, Any]], x: str, y: str, ahead: int) -> dict[str, Any]:
    """Ordinary least squares; further values of x go on by the mean step between those that there are."""
    points = [(a, b) for row in rows if (a := number(row.get(x))) is not None and (b := number(row.get(y))) is not None]
    known = sorted({a for a, _ in points})
    if len(known) < 2:
        raise Unfit(f"{x!r} and {y!r} need numbers in the same rows, with two different values of {x!r} at least")
    xs, ys = [a for a, _ in points], [b for _, b in points]
    slope, intercept = statistics.linear_regression(xs, ys)
    fit = statistics.correlation(xs, ys) ** 2 if len(set(ys)) > 1 else 1.0
    step = (known[-1] - known[0]) / (len(known) - 1)
    further = [known[-1] + step * (n + 1) for n in range(ahead)]
    return {
        "rows": len(points), "slope": shown(slope), "intercept": shown(intercept), "r_squared": shown(fit),
        "predictions": [{x: shown(a), y: shown(intercept + slope * a)} for a in further],
    }  # fmt: skip


def advised(rows: Sequence[Mapping[str, Any]], option: str, outcome: str, goal: str) -> dict[str, Any]:
    """The option with the best mean. Clear is what lies more than two standard errors from the second best."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        value = number(row.get(outcome))
        if value is not None and row.get(option) not in (None, ""):
            groups.setdefault(str(row[option]), []).append(value)
    groups = {name: found for name, found in groups.items() if len(found) > 1}
    if len(groups) < 2:
        raise Unfit(f"column {option!r} needs two options with two numbers in {outcome!r} each")
    sign = 1 if goal == "maximise" else -1
    order = sorted(groups, key=lambda name: sign * statistics.fmean(groups[name]), reverse=True)
    best, second = (groups[name] for name in order[:2])
    error = math.sqrt(sum(statistics.variance(found) / len(found) for found in (best, second)))
    gap = abs(statistics.fmean(best) - statistics.fmean(second))
    return {
        "options": [
            {"option": name, "count": len(groups[name]), "mean": shown(statistics.fmean(groups[name]))}
            for name in order
        ],
        "recommendation": order[0],
        "clear": gap > CLEAR * error,
        "gap": shown(gap),
        "standard_error": shown(error),
    }


def shown(value: float) -> float:
    return round(value, 6)
