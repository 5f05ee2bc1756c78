"""What an agent answers: figures equal independent calculations, and nothing is made up."""

from __future__ import annotations

import statistics

import pytest

from workers.gateway.providers.offline.notice import NOTICE

PRICES = "city;price_eur;size_m\nParis;1.200,5;30\nParis;800,5;20\nRome;900;45\nRome;;50\n"
TEMPERATURES = (
    "date,town,temp\n2001-01-01,Ulm,4\n2002-01-01,Ulm,5\n2003-01-01,Ulm,9\n2001-01-01,Bonn,8\n2003-01-01,Bonn,6\n"
)


def test_means_by_group_equal_the_statistics_module(bench):
    bench.attach("prices.csv", PRICES)
    answer = bench.answer("Which city has the highest mean price?")
    assert f"**Paris** has the highest mean price: **{statistics.mean([1200.5, 800.5]):,.2f} EUR**" in answer
    assert "Rome with 900.00 EUR" in answer


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which city has the lowest mean size?", "**Paris** has the lowest mean size: **25.00 m**"),
        ("Which city has the most rows?", "**Paris** and **Rome** share the most rows: 2 of 4"),
        ("What is the total size?", "The total size is **145 m**"),
        ("What is the median size?", "The median size is **37.50 m**"),
        ("How many rows are there?", "There are **4** rows"),
        ("How many different cities are there?", "City has **2** different values: Paris, Rome"),
        ("What is the mean size in Rome?", "size where city is Rome is **47.50 m**"),
        ("What is the highest price?", "The highest price is **1,200.50 EUR**. Its row: city Paris"),
        (
            "What is the correlation between price and size?",
            f"**{statistics.correlation([1200.5, 800.5, 900], [30, 20, 45]):.3f}**",
        ),
        ("What is the average altitude by city?", "no column that these words name"),
    ],
)
def test_questions_get_their_figure(bench, question, text):
    bench.attach("prices.csv", PRICES)
    assert text in bench.answer(question)


def test_a_trend_gives_ends_change_and_the_least_squares_slope(bench):
    bench.attach("t.csv", TEMPERATURES)
    answer = bench.answer("How did temp change over the years for each town?")
    slope = statistics.linear_regression([2001, 2002, 2003], [4, 5, 9]).slope
    assert "**Ulm** rose from 4 in 2001-01-01 to 9 in 2003-01-01 (+125.0%)" in answer
    assert "**Bonn** fell from 8 in 2001-01-01 to 6 in 2003-01-01 (-25.0%)" in answer
    assert f"+{slope:.2f}" in answer and "-1 |" in answer


def test_years_in_the_question_bound_the_rows(bench):
    bench.attach("t.csv", TEMPERATURES)
    assert "is from 2002 to 2003 is **6.67**" in bench.answer("What is the mean temp from 2002 to 2003?")


@pytest.mark.parametrize(
    ("words", "count"),
    [("in 2001", 2), ("since 2002", 3), ("before 2003", 3), ("after 2002", 2), ("until 2001", 2)],
)
def test_a_bound_in_time_is_kept_in_the_askers_words(bench, words, count):
    bench.attach("t.csv", TEMPERATURES)
    assert f"**{count}** rows where date is {words}" in bench.answer(f"How many rows are there {words}?")


def test_values_named_in_the_question_are_compared_by_what_follows_by(bench):
    bench.attach("prices.csv", PRICES)
    assert "Mean size by city where city is Paris or Rome: Rome **47.50 m**" in bench.answer(
        "Compare Rome and Paris by size."
    )


def test_rows_of_one_time_count_as_their_mean_and_the_answer_says_so(bench):
    bench.attach("t.csv", TEMPERATURES)
    answer = bench.answer("Is there a trend in temp?")
    assert "Temp rose from 6.00 in 2001-01-01 to 7.50 in 2003-01-01" in answer and "count as their mean" in answer


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": "x", "n": 1}, {"a": "y", "n": 3}, {"a": "y", "n": null}]',
        '{"a": ["x", "y", "y"], "n": [1, 3, null]}',
        '{"rows": [{"a": "x", "n": 1}, {"a": "y", "n": 3}, {"a": "y"}]}',
        '{"a": "x", "n": 1}\n{"a": "y", "n": 3}\n{"a": "y"}\n',
    ],
)
def test_each_shape_of_json_is_a_table(bench, text):
    bench.attach("rows.json", text, "application/json")
    answer = bench.answer("Profile the data")
    assert (
        "3 rows and 2 columns. Missing values: `n` 1." in answer
        and "| `n` | number | 1 | 2 | 1 | 2 | 2 | 3 |" in answer
    )


def test_a_text_is_profiled_by_lines_and_words(bench):
    bench.attach("note.txt", "Storm at sea.\nThe storm passed.\n", "text/plain")
    assert "2 lines, 6 words and 32 characters" in bench.answer("Summarise the file")


def test_the_file_that_has_the_column_answers(bench):
    bench.attach("a.csv", "city,price\nRome,3\n")
    bench.attach("b.csv", "river,length_km\nRhine,1230\nElbe,1094\n")
    assert "**Rhine** has the highest length: **1,230 km**" in bench.answer("Which river has the highest length?")


def test_sums_are_called_side_by_side(bench):
    reply = bench.ask("turn", "What is 12*7 and what is 15% of 1,200?", [])
    assert [call.arguments["expression"] for call in reply.tool_calls] == ["12*7", "(15/100*1200)"]
    assert "`12*7` = **84**" in bench.answer("What is 12*7 and what is 15% of 1,200?")


def test_a_code_block_runs_as_it_is_and_shows_its_output(bench):
    answer = bench.answer("Run this\n```python\nfor i in range(3):\n    print('x' * i, i ** 2)\n```")
    assert "xx 4" in answer and bench.calls[0].arguments["code"] == "for i in range(3):\n    print('x' * i, i ** 2)"


def test_a_block_in_another_language_is_not_run(bench):
    answer = bench.answer("Run this\n```bash\nrm -r data\n```")
    assert "was not run" in answer and bench.calls == []


@pytest.mark.parametrize("question", ["Who wrote Faust?", "Translate this to French: good morning", ""])
def test_what_needs_a_model_names_the_setting_and_states_no_fact(bench, question):
    answer = bench.answer(question)
    assert "OPENAI_API_KEY" in answer and "Goethe" not in answer and bench.calls == []


def test_an_image_is_said_to_be_unreadable(bench):
    bench.attach("cat.png", b"\x89PNG", "image/png")
    assert "can't read" in bench.answer("What is in the picture?")


def test_a_file_without_a_table_is_told_as_it_is(bench):
    bench.attach("bad.json", "{'not': json", "application/json")
    assert "could not be read as a table: the file is not valid JSON" in bench.answer("Profile the data")


def test_a_failed_tool_is_told_with_its_reason(bench):
    answer = bench.answer("```python\nraise ValueError('no such luck')\n```")
    assert "`sandbox.error`" in answer and "no such luck" in answer


def test_without_the_tool_the_answer_says_so(bench):
    bench.attach("prices.csv", PRICES)
    reply = bench.ask("turn", "Which city has the highest price?", [], tools=())
    assert "`python_executor` is not available" in reply.text and not reply.tool_calls


def test_a_limit_too_small_for_the_call_is_told(bench):
    bench.attach("prices.csv", PRICES)
    reply = bench.ask("turn", "Which city has the highest price?", [], max_tokens=200)
    assert "200 are left" in reply.text and reply.finish_reason == "stop"


def test_calls_that_do_not_fit_together_are_made_in_later_turns(bench):
    bench.attach("prices.csv", PRICES)
    answer = bench.answer("Which city has the highest price? What is the total size? How many rows are there?")
    assert len(bench.calls) == 3 and len({call.id for call in bench.calls}) == 3
    assert "**145 m**" in answer and "**4** rows" in answer


def test_every_answer_ends_with_the_notice(bench):
    bench.attach("prices.csv", PRICES)
    for question in ("Which city has the highest price?", "What is 1 + 1?", "Who are you?"):
        assert bench.answer(question).endswith(NOTICE)


def test_a_chart_is_drawn_from_the_result_and_named(bench):
    bench.attach("prices.csv", PRICES)
    answer = bench.answer("Draw a bar chart of mean size by city.")
    assert "Chart: chart.svg" in answer and ">Rome</text>" in bench.made["chart.svg"]
