"""When does another attempt make sense, and after how long? By class of error (spec: network, timeout, resource). Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """`tries` counts all attempts; the delay grows by doubling or by adding its first value."""

    tries: int
    first_s: float
    doubling: bool


RULES = {
    "network": Rule(tries=3, first_s=0.1, doubling=True),
    "timeout": Rule(tries=2, first_s=0.5, doubling=False),
    "reply": Rule(tries=3, first_s=0.1, doubling=True),
    "resource": Rule(tries=4, first_s=1.0, doubling=True),
    "tool": Rule(tries=3, first_s=0.5, doubling=True),  # where the plan says that a failed call is tried again
}
LONGEST_S = 60.0
DATABASE_AWAY_S = (0.1, 0.5, 1.0, 2.0)  # between tries to reach it; the last one repeats


def retry_delay_s(
    kind: str, *, retries: int, tries: int | None = None, asked_s: float | None, jitter: float
) -> float | None:
    """
    Seconds until the next attempt, or None when it should fail.

    Args:
        retries: attempts of this step that have failed so far.
        tries: attempts at most; None: by the class of the error.
        asked_s: what the other side asked for (Retry-After).
        jitter: random, 0 to 1; adds up to a tenth.
    """
    rule = RULES.get(kind)
    if rule is None or retries + 1 >= (tries or rule.tries):
        return None
    delay = rule.first_s * (2**retries if rule.doubling else retries + 1)
    return min(max(delay, asked_s or 0.0), LONGEST_S) * (1 + jitter / 10)
