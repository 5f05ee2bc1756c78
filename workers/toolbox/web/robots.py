"""What a site asks of programs that follow links by themselves (RFC 9309). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit
from urllib.robotparser import RobotFileParser

AGENT = "Hartley"
BYTES = 500 * 1024
LONGEST_DELAY_S = 30.0
RULES = 5_000  # lines of them; what comes after them is not read
RULE = re.compile(r"(user-agent|allow|disallow|crawl-delay)\s*:\s*([^#]{0,2000})", re.IGNORECASE)
NOTHING = "User-agent: *\nDisallow: /"


@dataclass(frozen=True)
class Robots:
    """`delay_s` is wished for between two requests."""

    rules: RobotFileParser

    @classmethod
    def of_text(cls, text: str) -> Robots:
        rules = RobotFileParser()
        rules.parse(_readable(text.splitlines()))
        return cls(rules)

    @classmethod
    def of_status(cls, status: int) -> Robots:
        """Without a file everything may be read; while the site can't say, nothing."""
        return cls.of_text("" if 400 <= status < 500 else NOTHING)

    def allow(self, url: str) -> bool:
        return self.rules.can_fetch(AGENT, url)

    @property
    def delay_s(self) -> float:
        try:
            return min(float(self.rules.crawl_delay(AGENT) or 0), LONGEST_DELAY_S)
        except (TypeError, ValueError):
            return 0.0


def _readable(lines: Iterable[str]) -> list[str]:
    """Without lines that are no rules, as the RFC wants it, and without those that the parser would break at."""
    found: list[str] = []
    for line in lines:
        rule = RULE.match(line.strip())
        if rule is None:
            continue
        name, value = rule[1].lower(), rule[2].strip()
        if _is_whole(value) if name == "crawl-delay" else _is_path(value):
            found.append(f"{name}: {value}")
        if len(found) == RULES:
            break
    return found


def _is_whole(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 10


def _is_path(value: str) -> bool:
    try:
        urlsplit(unquote(value))
    except ValueError:
        return False
    return True
