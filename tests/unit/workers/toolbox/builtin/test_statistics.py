from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.workers.toolbox.builtin.files import Session
from workers.toolbox.builtin.statistics_of import OPERATIONS

NUMBERS = st.lists(st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6), max_size=20)


@pytest.mark.parametrize(
    ("operation", "value"),
    [
        ("mean", 5), ("median", 4.5), ("mode", 4), ("std", 2.138089935299395), ("variance", 4.571428571428571),
        ("min", 2), ("max", 9), ("sum", 40), ("count", 8),
    ],
)  # fmt: skip
def test_figures_are_those_of_the_textbook(operation: str, value: float) -> None:
    found = Session().done("statistics", data=[2, 4, 4, 4, 5, 5, 7, 9], operation=operation)
    assert found["value"] == pytest.approx(value) and found["count"] == 8


def test_a_sum_of_decimals_is_exact_and_several_modes_are_told() -> None:
    assert Session().done("statistics", data=[0.1] * 10, operation="sum")["value"] == 1.0
    assert Session().done("statistics", data=[1, 1, 2, 2, 3], operation="mode") == {
        "ok": True, "value": 1, "also": [2], "count": 5
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "operation", "told"),
    [
        ([], "mean", "data: mean needs at least 1 numbers"),
        ([1], "std", "data: std needs at least 2 numbers"),
        ([1, math.nan], "mean", "data.1: it must be a finite number"),
        ([math.inf], "max", "data.0: it must be a finite number"),
        ([0, 10**400], "sum", "data.1: it must be a finite number"),
        ([1e308, 1e308], "sum", "data: the sum is too large"),
        ([1e308, -1e308], "variance", "data: the variance is too large"),
    ],
)
def test_what_has_no_figure_is_named(data: list[float], operation: str, told: str) -> None:
    code, message = Session().refused("statistics", data=data, operation=operation)
    assert code == "statistics.refused" and message.startswith(told)


@settings(max_examples=40, deadline=None)
@given(NUMBERS, st.sampled_from(list(OPERATIONS)))
def test_every_answer_is_json_and_within_the_numbers(data: list[float], operation: str) -> None:
    output = Session().call("statistics", data=data, operation=operation).output
    json.dumps(output, allow_nan=False)
    if output["ok"] and operation in ("mean", "median", "mode", "min", "max"):
        assert min(data) - 1e-6 <= output["value"] <= max(data) + 1e-6
