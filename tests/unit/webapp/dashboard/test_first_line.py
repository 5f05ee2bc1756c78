"""The first line of an answer, for lists."""

from __future__ import annotations

import time

import pytest

from webapp.dashboard.templatetags.hartley import first_line


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        ("Coal.", "Coal."),
        ("# Answer\n\n**Fossil fuels** lead with `620,129` GWh.\n\nMore.", "Fossil fuels lead with 620,129 GWh."),
        ("![chart](x.svg)\n| a | b |\n|---|---|\n\nThe table says it.", "The table says it."),
        ("- 3 * 4 is *12*, by `x`\n- More", "3 * 4 is 12, by x"),
        ("a_b stays a_b, and so does __init__", "a_b stays a_b, and so does __init__"),
        ("1. The first\n2. The second", "The first"),
        ("# Only a heading", ""),
        ("", ""),
    ],
)
def test_headings_pictures_and_tables_are_passed_over(markdown: str, line: str) -> None:
    assert first_line(markdown) == line


def test_a_line_that_only_wears_machines_out_costs_little() -> None:
    """Every `*` begins an emphasis that never ends, which was looked for to the end of the text each time."""
    began = time.process_time()
    first_line("*a " * 50_000)
    assert time.process_time() - began < 0.5
