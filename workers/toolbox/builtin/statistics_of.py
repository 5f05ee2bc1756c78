"""Statistics of a list of numbers, by Python's own module."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

from workers.toolbox.builtin.computing import Arguments, ThreadTool, takes
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

Number = int | float
NUMBERS = 10_000
OPERATIONS: dict[str, Callable[[Sequence[Number]], Number]] = {
    "mean": statistics.mean,
    "median": statistics.median,
    "mode": statistics.mode,
    "std": statistics.stdev,
    "variance": statistics.variance,
    "min": min,
    "max": max,
    "sum": lambda data: math.fsum(data) if any(isinstance(number, float) for number in data) else sum(data),
    "count": len,
}
LEAST = {"std": 2, "variance": 2, "sum": 0, "count": 0}


class Statistics(ThreadTool):
    name = "statistics"
    description = "One figure of a list of numbers: mean, median, mode, std and variance (of a sample: n - 1), min, max, sum, count."
    category = "calculation"
    branch = "data_analysis"
    timeout_s = 10.0
    parameters = takes(
        "data",
        "operation",
        data={"type": "array", "items": {"type": "number"}, "maxItems": NUMBERS},
        operation={"enum": list(OPERATIONS)},
    )

    def compute(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        data, operation = arguments["data"], arguments["operation"]
        least = LEAST.get(operation, 1)
        if len(data) < least:
            raise Refused("statistics.refused", f"data: {operation} needs at least {least} numbers")
        for place, number in enumerate(data):
            _check(place, number)
        output: dict[str, Any] = {"value": _figure(operation, data), "count": len(data)}
        if operation == "mode" and len(several := statistics.multimode(data)) > 1:
            output["also"] = several[1:21]
        return ToolResult.success(output)


def _check(place: int, number: Number) -> None:
    """
    Raises:
        Refused: not a number that can be reckoned with.
    """
    try:
        finite = math.isfinite(number)
    except OverflowError:
        finite = False
    if not finite:
        raise Refused("statistics.refused", f"data.{place}: it must be a finite number below 1e308")


def _figure(operation: str, data: Sequence[Number]) -> Number:
    """
    Raises:
        Refused: the result is no finite number.
    """
    try:
        value = OPERATIONS[operation](data)
        if math.isfinite(value):
            return value
    except (OverflowError, ValueError):
        pass
    raise Refused("statistics.refused", f"data: the {operation} is too large for a number")
