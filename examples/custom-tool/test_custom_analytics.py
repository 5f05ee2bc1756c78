"""The tool by itself: no worker, no database. Run with `pytest examples/custom-tool`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from workers.toolbox.errors import ArgumentsInvalid
from workers.toolbox.in_folder import tools_in
from workers.toolbox.registry import Registry, ToolContext, ToolResult

HERE = Path(__file__).parent
(TOOL,) = tools_in(HERE)
LINE = b"x,y,kind\n1,3,a\n2,5,b\n3,7,a\n4,9,b\n"


def run(kind: str, data: bytes = LINE, source: str = "data.csv", **parameters: Any) -> ToolResult:
    arguments = {"data_source": source, "analysis_type": kind, "parameters": parameters}
    Registry([TOOL]).validate("custom_analytics", arguments)
    context = ToolContext(tenant_id="t", task_id="t", step=1, attempt=1, idempotency_key="t:1", sandbox=None,
                          files={"data.csv": data, "data.json": data})  # fmt: skip
    return asyncio.run(TOOL.run(arguments, context))


def test_each_column_of_numbers_is_described() -> None:
    output = run("descriptive").output
    assert output["rows"] == 4 and set(output["columns"]) == {"x", "y"}
    assert output["columns"]["y"] == {
        "count": 4, "missing": 0, "mean": 6.0, "stdev": 2.581989, "min": 3.0, "quartiles": [4.5, 6.0, 7.5], "max": 9.0,
    }  # fmt: skip


def test_a_line_is_found_and_continued() -> None:
    output = run("predictive", x="x", y="y", ahead=2).output
    assert (output["slope"], output["intercept"], output["r_squared"]) == (2.0, 1.0, 1.0)
    assert output["predictions"] == [{"x": 5.0, "y": 11.0}, {"x": 6.0, "y": 13.0}]


@pytest.mark.parametrize(("goal", "best"), [("maximise", "b"), ("minimise", "a")])
def test_the_best_option_is_named_and_whether_that_is_clear(goal: str, best: str) -> None:
    unclear = run("prescriptive", option="kind", outcome="y", goal=goal).output
    assert (unclear["recommendation"], unclear["clear"]) == (best, False)
    apart = b"kind,y\na,1\na,2\nb,8\nb,9\n"
    assert run("prescriptive", apart, option="kind", outcome="y", goal=goal).output["clear"] is True


def test_json_is_read_as_csv_is() -> None:
    rows = b'[{"x": 1, "y": 3}, {"x": 2, "y": 5}]'
    assert run("predictive", rows, "data.json", x="x", y="y").output["slope"] == 2.0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"analysis_type": "descriptive"}, "data_source is required"),
        ({"data_source": "a", "analysis_type": "magic"}, "analysis_type must be one of descriptive"),
        ({"data_source": "a", "analysis_type": "predictive", "parameters": {"ahead": 0}}, "parameters.ahead must be"),
        ({"data_source": "a", "analysis_type": "descriptive", "colour": 1}, "colour is not an argument"),
    ],
)
def test_bad_arguments_name_the_field(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(ArgumentsInvalid, match=f"^custom_analytics: {told}"):
        Registry([TOOL]).validate("custom_analytics", arguments)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (lambda: run("descriptive", source="gone.csv"), "there is no file 'gone.csv'; there are: data.csv"),
        (lambda: run("descriptive", b"\xff\xfe"), "can't be read"),
        (lambda: run("descriptive", b"a,b\n"), "has no rows"),
        (lambda: run("descriptive", b"a\nx\ny\n"), "no column has numbers"),
        (lambda: run("predictive", x="x"), "parameters.y is required"),
        (lambda: run("predictive", x="x", y="kind"), "column 'kind' has fewer than two numbers; the columns are: x, y"),
        (lambda: run("prescriptive", option="colour", outcome="y"), "column 'colour' needs two options"),
    ],
)
def test_what_the_data_does_not_allow_is_said(result: Any, told: str) -> None:
    found = result()
    assert not found.ok and found.error.code == "analytics.unfit" and told in found.error.message
