"""The calculator: exact where Python is, and never slow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.toolbox.builtin.arithmetic import CONSTANTS, FUNCTIONS, Number, Refused, evaluate
from workers.toolbox.tool import Tool, ToolContext, ToolResult

PRECISION = 6


class Calculator(Tool):
    name = "calculator"
    description = (
        "Evaluates one arithmetic expression in Python's notation and gives its value: + - * / // % ** and parentheses, "
        f"the functions {', '.join(sorted(FUNCTIONS))} and the constants {', '.join(CONSTANTS)}."
    )
    category = "calculation"
    branch = "data_analysis"
    effect = "computes"
    timeout_s = 5.0
    parameters = {
        "type": "object",
        "properties": {
            "expression": {
                "type": "string",
                "minLength": 1,
                "maxLength": 2000,
                "description": "For example: (1200 * 0.15) ** 2 / sqrt(2)",
            },
            "precision": {
                "type": "integer",
                "minimum": 0,
                "maximum": 15,
                "default": PRECISION,
                "description": "Decimals that are kept.",
            },
        },
        "required": ["expression"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            value = evaluate(arguments["expression"])
        except Refused as error:
            return ToolResult.failure("calculator.refused", str(error))
        return ToolResult.success({"value": shown(value, int(arguments.get("precision", PRECISION)))})


def shown(value: Number, precision: int) -> str:
    """
    Rounded to `precision` decimals; a value too small for them keeps that many significant digits instead of becoming 0.

    >>> shown(2 / 3, 3), shown(0.0000004, 3), shown(10**20, 3)
    ('0.667', '4e-07', '100000000000000000000')
    """
    if isinstance(value, int):
        return str(value)
    rounded = round(value, precision)
    return str(rounded) if rounded or not value else f"{value:.{max(1, precision)}g}"
