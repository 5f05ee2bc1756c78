"""Arithmetic on untrusted text: a Python expression of numbers, operators and a few functions. Pure.

Nothing can grow: whole numbers have at most 4,096 bits, and that is checked before a power is taken, so that every
single operation is quick.
"""

from __future__ import annotations

import ast
import math
import operator
import time
from collections.abc import Callable, Sequence

Number = int | float
BITS_LIMIT = 4096
NODES_LIMIT = 1000
DEPTH_LIMIT = 60
DIGITS_LIMIT = 300
CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}


class Refused(ValueError):
    """The expression can't be evaluated; the message is written for the model."""


def evaluate(expression: str, *, deadline_s: float = 1.0) -> Number:
    """
    What Python would answer.

    Args:
        deadline_s: wall clock for the whole evaluation.
    Raises:
        Refused: not arithmetic, too large, too long, or without a finite real result.
    """
    tree = _parsed(expression)
    if sum(1 for _ in ast.walk(tree)) > NODES_LIMIT:
        raise Refused(f"the expression has more than {NODES_LIMIT} parts")
    return _Evaluation(time.monotonic() + deadline_s).value(tree.body, 0)


def _parsed(expression: str) -> ast.Expression:
    try:
        return ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        detail = error.msg if isinstance(error, SyntaxError) else "nested too deeply or holds odd characters"
        raise Refused(f"the expression is not valid: {detail}") from None


class _Evaluation:
    """
    Args:
        deadline: on the monotonic clock, looked at before every operation.
    """

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def value(self, node: ast.expr, depth: int) -> Number:
        if depth > DEPTH_LIMIT:
            raise Refused(f"the expression is nested more than {DEPTH_LIMIT} deep")
        if time.monotonic() > self._deadline:
            raise Refused("the calculation took too long")
        match node:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return _checked(number)
            case ast.Name(id=name) if name in CONSTANTS:
                return CONSTANTS[name]
            case ast.UnaryOp(op=sign, operand=inner) if type(sign) in UNARY:
                return UNARY[type(sign)](self.value(inner, depth + 1))
            case ast.BinOp(left=left, op=sign, right=right) if type(sign) in BINARY:
                return _guarded(BINARY[type(sign)], self.value(left, depth + 1), self.value(right, depth + 1))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
                return _guarded(FUNCTIONS[name], *self.values(args, depth + 1))
        raise Refused(_unsupported(node))

    def values(self, nodes: list[ast.expr], depth: int) -> list[Number]:
        """Arguments; a single list or tuple stands for its items, as in `sum([1, 2])`."""
        if len(nodes) == 1 and isinstance(nodes[0], ast.List | ast.Tuple):
            nodes = nodes[0].elts
        return [self.value(node, depth) for node in nodes]


def _guarded(function: Callable[..., Number], *numbers: Number) -> Number:
    try:
        return _checked(function(*numbers))
    except ZeroDivisionError:
        raise Refused("division by zero") from None
    except OverflowError:
        raise Refused("the result is too large") from None
    except (ValueError, TypeError) as error:
        raise Refused(str(error)) from None


def _checked(number: Number | complex) -> Number:
    if isinstance(number, complex) or (not isinstance(number, int) and not math.isfinite(number)):
        raise Refused("there is no finite real result")
    if isinstance(number, int) and number.bit_length() > BITS_LIMIT:
        raise Refused(f"a number has more than {BITS_LIMIT} bits")
    return number


def _power(base: Number, exponent: Number) -> Number:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and abs(base) > 1 and int(base).bit_length() * exponent > 2 * BITS_LIMIT:
        raise Refused(f"a power would have more than {BITS_LIMIT} bits")
    result: Number = operator.pow(base, exponent)
    return result


def _round(number: Number, digits: Number | None = None) -> Number:
    """Like Python's own; many digits of a whole number would be slow."""
    if digits is None:
        return round(number)
    if not isinstance(digits, int) or abs(digits) > DIGITS_LIMIT:
        raise Refused(f"round takes a whole number of digits from -{DIGITS_LIMIT} to {DIGITS_LIMIT}")
    return round(number, digits)


def _sum(*numbers: Number) -> Number:
    return sum(numbers)


def _mean(*numbers: Number) -> Number:
    return sum(_some(numbers)) / len(numbers)


def _least(*numbers: Number) -> Number:
    return min(_some(numbers))


def _most(*numbers: Number) -> Number:
    return max(_some(numbers))


def _some(numbers: Sequence[Number]) -> Sequence[Number]:
    if not numbers:
        raise Refused("min, max and mean need at least one number")
    return numbers


def _unsupported(node: ast.expr) -> str:
    match node:
        case ast.Constant():
            return "only numbers are allowed, no text and no truth values"
        case ast.BinOp(op=ast.BitXor()):
            return "^ is not a power here; write **"
        case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
            return f"{name[:40]!r} is not known; there are {', '.join(sorted(FUNCTIONS))} and {', '.join(CONSTANTS)}"
        case ast.Tuple():
            return "one number is wanted; write numbers without thousands separators"
    return f"only numbers, + - * / // % ** and functions are allowed, not {type(node).__name__}"


UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs,
    "ceil": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "log10": math.log10,
    "log2": math.log2,
    "max": _most,
    "mean": _mean,
    "min": _least,
    "round": _round,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "sum": _sum,
    "tan": math.tan,
}
