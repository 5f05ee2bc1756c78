"""A robots.txt is written by strangers: what is no rule is passed over, and it takes no more than it may."""

from __future__ import annotations

import time

import pytest

from workers.toolbox.web.robots import BYTES, RULES, Robots

ODD = ["Crawl-delay: ²", "Request-rate: ²/²", "Disallow: //[", "Disallow: %2f%2f%5b", f"Crawl-delay: {'9' * 5000}",
       "Allow: http://[", "\0", ":", "Disallow", "\ufeff: /", "Sitemap: http://["]  # fmt: skip


@pytest.mark.parametrize("line", ODD)
def test_a_line_that_is_no_rule_costs_itself(line: str) -> None:
    robots = Robots.of_text(f"User-agent: *\n{line}\nDisallow: /private # not for programs\n{line}\nCrawl-delay: 2")
    assert robots.allow("https://a.example/x") and not robots.allow("https://a.example/private/y")
    assert robots.delay_s == 2


def test_blank_lines_part_nothing() -> None:
    robots = Robots.of_text("User-Agent: other\n\nUser-agent: Hartley\n\nDisallow: /a\n\n\nUser-agent: *\nDisallow: /")
    assert robots.allow("https://a.example/b") and not robots.allow("https://a.example/a")


def test_a_long_one_is_read_to_a_limit() -> None:
    began = time.process_time()
    robots = Robots.of_text("User-agent: *\n" + "Allow:/a\n" * (BYTES // 9))
    entry = robots.rules.default_entry  # type: ignore[attr-defined]
    assert len(entry.rulelines) == RULES - 1
    assert robots.allow("https://a.example/b") and time.process_time() - began < 1
