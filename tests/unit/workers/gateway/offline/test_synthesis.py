"""The answer made of the agents' answers."""

from __future__ import annotations

import json

from workers.gateway.providers.offline.notice import NOTICE, signed_off
from workers.gateway.providers.offline.plan import PROFILE

GOOD = {
    "agent": "a2",
    "description": "Which is largest?",
    "answer": signed_off("**Rome** is largest.\n\n| a |\n| --- |"),
    "artifacts": [],
}
DATA = {
    "agent": "a1",
    "description": PROFILE,
    "answer": signed_off("`a.csv` has 3 rows.\n\nmore"),
    "artifacts": [],
}
FAILED = {
    "agent": "a3",
    "description": "Count *them*",
    "answer": None,
    "error": "Time ran out",
    "artifacts": [],
}


def synthesise(bench, *results):
    from_agents = [{"role": "user", "content": json.dumps(result)} for result in results]
    return bench.ask("synthesise", "q", [{"role": "user", "content": "q"}, *from_agents]).text


def test_the_direct_answer_comes_first_and_the_notice_once_at_the_end(bench):
    text = synthesise(bench, DATA, GOOD)
    assert text.startswith("**Rome** is largest.\n\n### Which is largest?")
    assert text.count(NOTICE) == 1 and text.endswith(NOTICE) and text.index("The data") > text.index("Which")


def test_a_failed_agent_is_named_with_its_reason(bench):
    text = synthesise(bench, GOOD, FAILED)
    assert "Agent a3 failed on “Count \\*them\\*”" in text and "Time ran out" in text


def test_charts_that_no_answer_mentions_are_listed_once(bench):
    chart = {"filename": "chart.svg", "media_type": "image/svg+xml", "size_bytes": 3}
    assert synthesise(bench, {**GOOD, "artifacts": [chart]}).count("Chart: chart.svg") == 1


def test_what_is_not_a_result_is_left_out(bench):
    text = bench.ask("synthesise", "q", [{"role": "user", "content": t} for t in ("q", "not json", "[1]")]).text
    assert text == signed_off("No agent returned an answer.")
