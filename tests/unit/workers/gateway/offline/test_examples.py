"""The examples from plan to synthesis: every expected figure is in the answer."""

from __future__ import annotations

import json
from pathlib import Path
from xml.dom import minidom

import pytest

from tests.support.expected import expected

EXAMPLES = Path(__file__).parents[5] / "examples"


@pytest.mark.parametrize("limit", [1, 3, 5])
@pytest.mark.parametrize("name", ["electricity", "penguins"])
def test_the_answer_contains_every_independently_calculated_figure(bench, name, limit):
    request = json.loads((EXAMPLES / name / "request.json").read_text())
    for attachment in request["context"]["attachments"]:
        bench.attach(attachment["path"], (EXAMPLES / name / attachment["path"]).read_bytes())
    answer = bench.whole(request["query"], limit=limit)
    assert [text for text in expected(EXAMPLES / name) if text not in answer] == []
    assert minidom.parseString(bench.made["chart.svg"]).documentElement.tagName == "svg"


@pytest.mark.parametrize("name", ["electricity", "penguins"])
def test_an_example_has_at_least_two_agents_that_start_at_once(bench, name):
    request = json.loads((EXAMPLES / name / "request.json").read_text())
    for attachment in request["context"]["attachments"]:
        bench.attach(attachment["path"], (EXAMPLES / name / attachment["path"]).read_bytes())
    assert sum(not subtask["depends_on"] for subtask in bench.plan(request["query"])) >= 2
