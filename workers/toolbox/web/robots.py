"""What a site asks of programs that follow links by themselves (RFC 9309). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.robotparser import RobotFileParser

AGENT = "Hartley"
BYTES = 500 * 1024
LONGEST_DELAY_S = 30.0
NOTHING = "User-agent: *\nDisallow: /"


@dataclass(frozen=True)
class Robots:
    """`delay_s` is wished for between two requests."""

    rules: RobotFileParser

    @classmethod
    def of_text(cls, text: str) -> Robots:
        rules = RobotFileParser()
        rules.parse(text.splitlines())
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
