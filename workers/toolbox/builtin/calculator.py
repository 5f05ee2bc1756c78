"""Arithmetic without evaluating code: the expression's syntax tree is walked, numbers and sizes are bounded."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from workers.toolbox.registry import Tool, ToolContext, ToolError, ToolResult

Number = int | float
BITS = 4096  # of the largest whole number
DEPTH = 100
BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "round": round, "min": min, "max": max, "sum": lambda *n: sum(n), "sqrt": math.sqrt, "log": math.log,
    "log10": math.log10, "exp": math.exp, "sin": math.sin, "cos": math.cos, "tan": math.tan, "floor": math.floor,
    "ceil": math.ceil,
}  # fmt: skip
CONSTANTS = {"pi": math.pi, "e": math.e}


class NotArithmetic(ValueError):
    """The expression has something that is not arithmetic, or a number beyond the bounds."""


class Calculator(Tool):
    name = "calculator"
    category = "compute"
    description = "Evaluate one arithmetic expression, e.g. (3 + 4) * sqrt(2) / 100."
    parameters = {
        "type": "object",
        "properties": {
            "expression": {"type": "string", "minLength": 1, "maxLength": 1000},
            "precision": {"type": "integer", "minimum": 0, "maximum": 15, "default": 6},
        },
        "required": ["expression"],
    }
    timeout_s = 5.0

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolResult:
        try:
            value = calculate(arguments["expression"])
        except (ArithmeticError, NotArithmetic, TypeError, ValueError) as error:
            failed = ToolError("calculator.failed", str(error) or type(error).__name__)
            return ToolResult(False, {"ok": False, "error": {"code": failed.code, "message": failed.message}}, failed)
        rounded = round(value, arguments.get("precision", 6)) if isinstance(value, float) else value
        return ToolResult(True, {"ok": True, "result": rounded})


def calculate(expression: str) -> Number:
    """
    Raises:
        NotArithmetic: another syntax than numbers, + - * / // % **, parentheses and the named functions.
        ArithmeticError: division by zero, overflow.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        raise NotArithmetic("the expression is not arithmetic") from None
    return _value(tree.body, DEPTH)


def _value(node: ast.expr, depth: int) -> Number:
    if depth == 0:
        raise NotArithmetic(f"nested deeper than {DEPTH}")
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, depth - 1)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _value(inner, depth - 1)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return _binary(type(op), _value(left, depth - 1), _value(right, depth - 1))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _bounded(FUNCTIONS[name](*(_value(arg, depth - 1) for arg in args)))
    raise NotArithmetic(f"{ast.unparse(node)[:80]} is not arithmetic")


def _binary(op: type[ast.operator], left: Number, right: Number) -> Number:
    if op is ast.Pow and isinstance(left, int) and isinstance(right, int) and right * left.bit_length() > BITS:
        raise NotArithmetic(f"the power has more than {BITS} bits")
    return _bounded(BINARY[op](left, right))


def _bounded(number: Any) -> Number:
    if isinstance(number, complex):
        raise NotArithmetic("the result is a complex number")
    if isinstance(number, int) and number.bit_length() > BITS:
        raise NotArithmetic(f"a number has more than {BITS} bits")
    result: Number = number
    return result
