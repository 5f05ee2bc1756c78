"""Names and values from files are data: they break no script, and no Markdown or SVG comes of them."""

from __future__ import annotations

import ast
import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from workers.gateway.providers.offline.drawing import chart_code
from workers.gateway.providers.offline.guest.csvfile import csv_table
from workers.gateway.providers.offline.guest.groups import answer_groups
from workers.gateway.providers.offline.guest.jsonfile import json_table
from workers.gateway.providers.offline.guest.profile import answer_profile
from workers.gateway.providers.offline.guest.text import read_text
from workers.gateway.providers.offline.guest.trend import answer_trend
from workers.gateway.providers.offline.intent import ask_of
from workers.gateway.providers.offline.markdown import escape
from workers.gateway.providers.offline.program import GUEST, table_script
from workers.gateway.providers.offline.report.render import section
from workers.gateway.providers.offline.work import items_of

HOSTILE = "'); import os; os.remove('x') #|<script>alert(1)</script>![x](http://evil/)`\"\"\"\\"
CELL = st.one_of(
    st.sampled_from(
        [
            "",
            "NA",
            "1",
            "2.5",
            "1e308",
            "9" * 400,
            "-0",
            "1,234",
            "3,5",
            "2001-01-01",
            "2001",
            '"',
            "a;b",
            "ü\u202e",
            "inf",
        ]
    ),
    st.text(max_size=12),
)
GRID = st.lists(st.lists(CELL, max_size=5), max_size=12)


def test_hostile_names_and_values_are_shown_and_never_obeyed(bench):
    rows = io.StringIO()
    csv.writer(rows).writerows([[HOSTILE, "size"], [HOSTILE, "1"], ["<b>x</b>", "3"]])
    bench.attach("h.csv", rows.getvalue())
    words = f"Draw a chart of mean size by {HOSTILE}"
    for question in ("Profile the data", "Which script has the highest size?", words):
        html = MarkdownIt("gfm-like", {"linkify": False}).render(bench.answer(question))
        assert "<script" not in html and "<img" not in html and "<a " not in html and "<b>" not in html


def test_hostile_text_in_a_chart_stays_text(bench):
    bench.attach("h.csv", 'kind,size\n<script>alert(1)</script>,1\n"a""&<b>",2\n')
    bench.answer("Draw a chart of mean size by kind.")
    chart = minidom.parseString(bench.made["chart.svg"])
    assert chart.getElementsByTagName("script") == [] and "<script>alert(1)</script>" in _texts(chart)


def _texts(chart: minidom.Document) -> list[str]:
    return [node.firstChild.data for node in chart.getElementsByTagName("text")]


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_parameter_changes_one_literal_of_the_script_and_nothing_else(text):
    ask = ask_of("Which kind has the highest size?")
    plain, odd = (_tree({"root": "/data", "files": [[name, "csv"]], "ask": ask}) for name in ("x.csv", text))
    assert [a == b for a, b in zip(plain, odd, strict=True)].count(False) <= 1


def _tree(params: dict[str, Any]) -> list[str]:
    return [ast.dump(node) for node in ast.parse(table_script(params)).body]


@given(st.text(max_size=200))
def test_escaped_text_renders_as_one_line_of_plain_text(text):
    html = MarkdownIt("commonmark").render("x " + escape(text, 400) + " x")
    assert html.count("<") == 2 and html.startswith("<p>")


@settings(deadline=None)
@given(GRID, st.sampled_from(",;\t|"), st.booleans())
def test_no_csv_is_too_odd_to_be_analysed(grid, delimiter, marked):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, escapechar="\\").writerows(grid)
    _survives(("\ufeff" if marked else "") + text.getvalue())


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from(list('ab1,;"\n\r\t|.é \x00')), max_size=80))
def test_no_text_is_too_odd_to_be_read_as_csv(text):
    _survives(text)


def test_reading_csv_leaves_the_limit_of_the_process_as_it_was():
    before = csv.field_size_limit()
    assert csv_table("x.csv", "a,b\n1,2\n").columns
    assert csv_table("y.csv", "a,b\n1," + "x" * before + "y\n").columns, "a cell may be longer than that"
    assert csv.field_size_limit() == before


def _survives(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "x.csv").write_bytes(text.encode("utf-8", "surrogatepass"))
        content = read_text(folder, "x.csv")
    try:
        table = csv_table("x.csv", content)
    except ValueError as error:
        assert str(error) == "the file is empty"
        return
    question = "Which column has the highest mean " + " ".join(column.name for column in table.columns)
    ask = {**ask_of(question), "chart": "chart.svg"}
    for answer in (answer_profile, answer_groups, answer_trend):
        found = answer([table], ask)
        assert section(found, ask).headline
        code = chart_code(found, "chart.svg")
        assert code is None or ast.parse(code)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x),
        max_leaves=12,
    )
)
def test_any_json_is_a_table_or_said_to_be_none(value):
    try:
        table = json_table("x.json", json.dumps(value))
    except ValueError:
        return
    assert section(answer_profile([table], {}), {}).headline


@pytest.mark.parametrize("text", ["[" * 100_000, "", "nope", "[1, 2"])
def test_broken_json_is_a_plain_error(text):
    with pytest.raises(ValueError, match="not valid JSON|empty"):
        json_table("x.json", text)


@given(st.text(max_size=300))
def test_no_question_is_too_odd_to_be_split(text):
    assert all(item.text for item in items_of(text, []))


def test_top_level_names_of_guest_modules_are_unique():
    """They are joined into one script, where a second definition would replace the first."""
    seen: dict[str, str] = {}
    for path in GUEST.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            for name in _defined(node):
                assert seen.setdefault(name, path.name) == path.name
    assert "answer_trend" in seen


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    return [t.id for t in node.targets if isinstance(t, ast.Name)] if isinstance(node, ast.Assign) else []
