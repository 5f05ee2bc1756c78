"""How questions become subtasks."""

from __future__ import annotations

import pytest

SALES = "region,year,sales_usd\nNorth,2001,10\nSouth,2001,20\nNorth,2002,15\nSouth,2002,18\n"


def test_a_question_about_data_gives_a_profile_and_its_parts_side_by_side(bench):
    bench.attach("sales.csv", SALES)
    plan = bench.plan("Which region has the highest total sales, and is there a trend over the years?")
    assert [subtask["description"][:12] for subtask in plan] == [
        "Profile the ",
        "Which region",
        "Is there a t",
    ]
    assert all(subtask["depends_on"] == [] for subtask in plan)


def test_a_comparison_joined_by_and_stays_one_part(bench):
    bench.attach("sales.csv", SALES)
    assert len(bench.plan("Compare the sales of North and South.")) == 2


def test_a_request_for_a_chart_joins_the_part_it_draws(bench):
    bench.attach("sales.csv", SALES)
    plan = bench.plan("Which region has the highest sales? How did sales change? Draw a chart of the trend.")
    assert plan[2]["description"] == "How did sales change? Draw a chart of the trend."


def test_two_charts_get_two_names(bench):
    bench.attach("sales.csv", SALES)
    plan = bench.plan("Draw a chart of total sales by region. Plot the trend of sales over the years.", limit=5)
    assert "chart-2.svg" in plan[2]["description"] and "chart-2" not in plan[1]["description"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_plan_keeps_the_limit_it_was_told_and_loses_nothing(bench, limit):
    bench.attach("sales.csv", SALES)
    parts = [
        "How many rows are there?",
        "What is 2 + 2?",
        "Which region has the lowest sales?",
        "Why is the sky blue?",
    ]
    plan = bench.plan(" ".join(parts), limit=limit)
    text = "\n".join(subtask["description"] for subtask in plan)
    assert len(plan) <= limit and all(part in text for part in parts)


def test_sums_are_one_subtask_and_a_code_block_another(bench):
    plan = bench.plan("What is 3*4? And what is 15% of 80?\n```python\nprint('a; b? c')\n```")
    assert [subtask["role"] for subtask in plan] == ["calculator", "programmer"]
    assert "print('a; b? c')" in plan[1]["description"]


def test_a_question_without_data_is_a_plan_of_one(bench):
    assert [subtask["id"] for subtask in bench.plan("Who wrote Faust?")] == ["a1"]


def test_an_empty_question_still_gives_a_plan(bench):
    assert len(bench.plan("  ")) == 1
