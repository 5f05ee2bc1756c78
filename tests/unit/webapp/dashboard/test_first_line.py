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
        ("# Only a heading", ""),
        ("", ""),
    ],
)
def test_headings_pictures_and_tables_are_passed_over(markdown: str, line: str) -> None:
    assert first_line(markdown) == line
