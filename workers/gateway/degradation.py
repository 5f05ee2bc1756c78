"""How unwell are the models, and what is asked of them then? Pure: signs in, a level and what it changes out.

Less is asked when much fails: smaller models, and fewer agents in a task. What is looked at is told in
docs/routing.md; who looks, and when, is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """A higher one is worse."""

    NONE = 0
    MINOR = 1
    MODERATE = 2
    SEVERE = 3

    def __str__(self) -> str:
        return self.name.lower()


Steps = tuple[float, float, float]


@dataclass(frozen=True)
class Thresholds:
    """
    From where on a sign means minor, moderate and severe; each triple must rise.

    Args:
        open_breakers: providers.
        error_rate: from 0 to 1.
        first_s: seconds to the first piece of an answer.
    """

    open_breakers: Steps = (1, 2, 3)
    error_rate: Steps = (0.05, 0.15, 0.30)
    first_s: Steps = (1.0, 2.0, 5.0)

    def __post_init__(self) -> None:
        for name in ("open_breakers", "error_rate", "first_s"):
            minor, moderate, severe = getattr(self, name)
            if not 0 < minor <= moderate <= severe:
                raise ValueError(f"{name} must rise from minor to severe, not {minor}, {moderate}, {severe}")


@dataclass(frozen=True)
class Signs:
    """
    Args:
        open_breakers: configured providers that are left alone now.
        error_rate: of the latest calls that were sent, from 0 to 1.
        first_s: mean time to the first piece of an answer; whole answers take as long as they are. None is not known,
            and doesn't count.
    """

    open_breakers: int = 0
    error_rate: float = 0.0
    first_s: float | None = None


USUAL = Thresholds()
MODES = ("simple", "standard", "complex", "supervisor")
TIERS = ("small", "medium", "large")

MODE_AT: Mapping[Level, Mapping[str, str]] = {
    Level.NONE: {},
    Level.MINOR: {"supervisor": "complex"},
    Level.MODERATE: {"supervisor": "standard", "complex": "standard", "standard": "simple"},
    Level.SEVERE: {"supervisor": "simple", "complex": "simple", "standard": "simple"},
}
TIER_AT: Mapping[Level, Mapping[str, str]] = {
    Level.NONE: {},
    Level.MINOR: {},
    Level.MODERATE: {"large": "medium"},
    Level.SEVERE: {"large": "small", "medium": "small"},
}
ENOUGH_PERCENT = {"simple": 100, "standard": 50, "complex": 60, "supervisor": 60, "dag": 40}


def level_of(signs: Signs, thresholds: Thresholds = USUAL) -> Level:
    """The worst that any of the signs says."""
    return max(_levels(signs, thresholds).values())


def degraded_mode(mode: str, level: Level) -> str:
    """A plan that the caller has drawn (`dag`) stays as it is."""
    return MODE_AT[level].get(mode, mode)


def degraded_tier(tier: str, level: Level) -> str:
    return TIER_AT[level].get(tier, tier)


def enough(mode: str, succeeded: int, total: int) -> bool:
    """May an answer be written from the parts that succeeded? From none, never."""
    return succeeded > 0 and succeeded * 100 >= ENOUGH_PERCENT[mode] * total


def explained(mode: str, tier: str, signs: Signs, thresholds: Thresholds = USUAL) -> str:
    """
    For an event; empty where nothing changes.

    >>> explained("complex", "large", Signs(open_breakers=2))
    'Degraded (moderate): runs as standard, not complex; on medium models, not large; as 2 breakers are open (limit 2)'
    """
    levels = _levels(signs, thresholds)
    level = max(levels.values())
    lower_mode, lower_tier = degraded_mode(mode, level), degraded_tier(tier, level)
    changes = [f"runs as {lower_mode}, not {mode}"] if lower_mode != mode else []
    changes += [f"on {lower_tier} models, not {tier}"] if lower_tier != tier else []
    reasons = [_reason(name, level, signs, thresholds) for name, found in levels.items() if found == level]
    return f"Degraded ({level}): {'; '.join(changes)}; as {' and '.join(reasons)}" if changes else ""


def _levels(signs: Signs, thresholds: Thresholds) -> dict[str, Level]:
    return {
        "open_breakers": _level(signs.open_breakers, thresholds.open_breakers),
        "error_rate": _level(signs.error_rate, thresholds.error_rate),
        "first_s": _level(signs.first_s or 0, thresholds.first_s),
    }


def _level(value: float, steps: Steps) -> Level:
    return Level(sum(value >= step for step in steps))


def _reason(name: str, level: Level, signs: Signs, thresholds: Thresholds) -> str:
    limit = getattr(thresholds, name)[level - 1]
    if name == "open_breakers":
        return f"{signs.open_breakers} {'breaker is' if signs.open_breakers == 1 else 'breakers are'} open (limit {limit:g})"
    if name == "error_rate":
        return f"{signs.error_rate:.0%} of the calls fail (limit {limit:.0%})"
    return f"answers begin after {signs.first_s or 0:.1f} s (limit {limit:g} s)"
