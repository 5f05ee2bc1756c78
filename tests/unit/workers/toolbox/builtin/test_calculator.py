from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from workers.toolbox.builtin.arithmetic import Refused, evaluate
from workers.toolbox.builtin.calculator import Calculator, shown
from workers.toolbox.registry import ToolResult

NAMES = {
    name: getattr(math, name)
    for name in ("ceil", "cos", "exp", "floor", "log", "log10", "log2", "sin", "sqrt", "tan", "pi", "e")
}
NAMES |= {"abs": abs, "max": max, "min": min, "round": round, "sum": sum, "__builtins__": {}}
NUMBERS = st.integers(0, 10**6).map(str) | st.floats(0, 1e6, allow_nan=False).map(repr) | st.sampled_from(["pi", "e"])
ONE = st.sampled_from(
    ["abs", "ceil", "exp", "floor", "log", "log10", "log2", "round", "sin", "cos", "tan", "sqrt", "-", "+", ""]
)
MANY = st.sampled_from(["max", "min", "sum"])
SIGNS = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: (
        st.tuples(inner, SIGNS, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | st.tuples(ONE, inner).map(lambda t: f"{t[0]}({t[1]})")
        | st.tuples(MANY, st.lists(inner, min_size=1, max_size=3)).map(lambda t: f"{t[0]}([{', '.join(t[1])}])")
    ),
    max_leaves=10,
)
HOSTILE = [
    "9**9**9",
    "2**10**10",
    "(2**4000)**(2**4000)",
    "(10**1000)*(10**1000)",
    "round(5, -10**9)",
    "-" * 1999 + "1",
    "+".join(["1"] * 1000),
    "(" * 999 + "1" + ")" * 999,
    "max(" * 100 + "1" + ")" * 100,
    "1e308*10",
    "1e999",
    "10**400/3.0",
    "1.5**10000",
    "(-8)**0.5",
    "1/0",
    "5 % 0",
    "sqrt(-1)",
    "min([])",
    "mean()",
    "abs(1, 2)",
    "log(0)",
    "\0",
    "",
    "1 +",
    "__import__('os')",
    "().__class__",
    "x",
    "'a'*9",
    "True + 1",
    "[1][0]",
    "lambda: 1",
    "sum(x for x in [1])",
    "max(*[1])",
    "round(1.5, ndigits=1)",
    "1 < 2",
    "1,200",
    "2^3",
    "1j",
]


def calculate(context: Any, **arguments: Any) -> ToolResult:
    return asyncio.run(Calculator().run(arguments, context()))


@given(expression=EXPRESSIONS)
@settings(max_examples=500, deadline=None)
def test_the_answer_is_pythons(expression: str) -> None:
    try:
        answer = evaluate(expression)
    except Refused:
        reject()  # hypothesis complains when too much is refused
    expected = eval(expression, NAMES)
    assert (type(answer), answer) == (type(expected), expected)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("12 * (3 + 4)", 84),
        ("15/100*1200", 180),
        (" 2**10\n", 1024),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("2**-1", 0.5),
        ("round(2.5)", 2),
        ("round(1234.567, -2)", 1200.0),
        ("sum(1, 2, 3) + max([4, 5]) - min((6, 7))", 5),
        ("mean(1, 2, 6)", 3),
        ("log(8, 2)", 3),
        ("sqrt(16) + abs(-2)", 6),
        ("2**4000 % 97", 2**4000 % 97),
        ("1_000 + 0x10", 1016),
    ],
)
def test_what_people_ask_for_is_answered(expression: str, value: float) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize("expression", HOSTILE, ids=lambda text: text[:20] or "empty")
def test_what_is_not_arithmetic_or_too_large_is_refused_with_a_reason(context: Any, expression: str) -> None:
    result = calculate(context, expression=expression)
    assert not result.ok and result.error is not None
    assert result.error.code == "calculator.refused" and len(result.error.message) > 10
    assert result.output == {"ok": False, "error": {"code": "calculator.refused", "message": result.error.message}}


def test_a_power_is_refused_before_it_is_taken() -> None:
    with pytest.raises(Refused, match="4096 bits"):
        evaluate("7**(10**300)")


def test_a_calculation_ends_at_its_deadline() -> None:
    with pytest.raises(Refused, match="took too long"):
        evaluate("1 + 1", deadline_s=-1)


@pytest.mark.parametrize(
    ("expression", "precision", "value"),
    [("1/3", None, "0.333333"), ("2/3", 2, "0.67"), ("2/3", 0, "1.0"), ("10**20", 3, "1" + "0" * 20), ("1/8**9", 3, "7.45e-09"), ("0.0", 0, "0.0")],
)  # fmt: skip
def test_the_value_is_rounded_and_never_to_nothing(
    context: Any, expression: str, precision: int | None, value: str
) -> None:
    arguments = {"expression": expression} if precision is None else {"expression": expression, "precision": precision}
    assert calculate(context, **arguments).output == {"ok": True, "value": value}


@given(value=st.floats(allow_nan=False, allow_infinity=False), precision=st.integers(0, 15))
def test_rounding_is_off_by_half_a_unit_at_most(value: float, precision: int) -> None:
    error = abs(float(shown(value, precision)) - value)
    assert error <= max(0.5000001 * 10**-precision, abs(value) * 1e-15)
