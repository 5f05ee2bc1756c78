"""A model call as it is asked for, before a model is chosen, and the earlier answer that may serve it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from webapp.orchestration.steps import ClaimedStep
from workers.answer_cache.cached import Cached
from workers.context import TaskContext
from workers.gateway.types import ModelRequest
from workers.options import Options


@dataclass(frozen=True)
class Asked:
    """
    Args:
        tier: that is in force where the caller names none.
    """

    step: ClaimedStep
    task: TaskContext
    request: ModelRequest
    options: Options
    tier: str

    @property
    def wanted(self) -> Options:
        return replace(self.options, tier=self.tier)

    @property
    def again(self) -> bool:
        """An earlier attempt may have failed because of the answer that it got."""
        return self.step.fence > 1 or self.step.retries > 0


@dataclass(frozen=True)
class Hit:
    """
    Args:
        cause: see budgets.models.Cause.
        level: where it was found.
        more: what its event tells besides.
    """

    cached: Cached
    cause: str
    level: str
    more: Mapping[str, Any] = field(default_factory=dict)
