"""How hard is a question? A score from 0 to 1 and the mode that follows from it. Pure."""

from __future__ import annotations

import re

SIMPLE_BELOW = 0.3
STANDARD_BELOW = 0.7
TOKENS_PER_AGENT = 4000  # a rule of thumb, for whoever has no history yet
AGENTS = {"simple": 1, "standard": 3, "complex": 5, "supervisor": 5}
TIERS = {"simple": "small", "standard": "small", "complex": "medium", "supervisor": "medium"}  # of models, unless named

_WORK = re.compile(
    r"\b(analy[sz]e|compare|research|investigate|evaluate|summari[sz]e|explain|design|plan|forecast|trend|correlat\w*|"
    r"chart|report|profile|versus|vs|why|how)\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[?;\n]|\band\b|\bthen\b|,", re.IGNORECASE)


def score(query: str, *, attachments: int) -> float:
    """
    Length, number of parts, verbs of analysis and attached files each add to a base of 0.1.

    >>> round(score("What is the weather in Paris?", attachments=0), 1)
    0.2
    """
    words = len(query.split())
    parts = len([part for part in _PARTS.split(query) if len(part.split()) > 1])
    work = len({match.lower() for match in _WORK.findall(query)})
    total = 0.1 + min(words / 200, 0.25) + 0.07 * min(parts, 5) + 0.06 * min(work, 5) + 0.15 * min(attachments, 2)
    return round(min(total, 1.0), 3)


def mode_of(complexity: float) -> str:
    if complexity < SIMPLE_BELOW:
        return "simple"
    return "standard" if complexity < STANDARD_BELOW else "complex"
