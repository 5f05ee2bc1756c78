"""An answer may hold anything; what is shown runs nothing and loads nothing foreign."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.dashboard.markdown import formatted

FILE = "/tasks/01a1fb28-bbdd-7cac-99dc-356e84eea55d/files/" + "a" * 64
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](https://evil.example/a.png)",
    "<iframe src=/admin/></iframe>", "<svg onload=alert(1)>", "[x](data:text/html;base64,PHNjcmlwdD4=)", "![x](//evil.example/a)",
    "<a href='/sign-out' onclick=x>y</a>", "<form action=/sign-out method=post>", "<style>*{display:none}</style>", "![x](/admin/)",
    "<base href=https://evil.example>", "<meta http-equiv=refresh content=0>",
]  # fmt: skip
FORBIDDEN = re.compile(
    r"<(script|iframe|svg|form|style|base|meta|object|embed|input)\b|\son\w+=|javascript:|data:", re.I
)


@given(
    st.lists(
        st.sampled_from([*HOSTILE, "# title", "| a | b |\n| - | - |\n| 1 | 2 |", "text", "\n\n", "`", "```"]),
        max_size=8,
    )
)
def test_nothing_hostile_survives_in_any_company(pieces: list[str]) -> None:
    html = formatted("\n".join(pieces), {})
    tags = "".join(re.findall(r"<[^>]*>", html))
    assert not FORBIDDEN.search(tags), tags
    assert not re.search(r'<img[^>]*src="(?!/tasks/)', html)


def test_a_chart_is_shown_by_its_name_from_the_tasks_own_files() -> None:
    html = formatted("![trend](chart.svg) and ![other](secret.svg)", {"chart.svg": FILE})
    assert f'src="{FILE}"' in html and html.count("src=") == 1


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("### a\n\n### b", "33"),
        ("# a\n\n### b", "34"),
        ("#### a\n\n# b", "33"),
        ("# a\n\n## b\n\n### c\n\n# d", "3453"),
    ],
)
def test_headings_stand_below_the_pages_own_and_leave_no_level_out(text: str, levels: str) -> None:
    assert "".join(re.findall(r"<h(\d)", formatted(text, {}))) == levels


def test_tables_keep_their_alignment() -> None:
    assert '<td align="right">2</td>' in formatted("| a | b |\n| - | -: |\n| 1 | 2 |", {})
