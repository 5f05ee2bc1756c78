"""The first line of an answer, for lists."""

from __future__ import annotations

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
