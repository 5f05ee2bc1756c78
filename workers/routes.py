"""Which models may answer a step's call, in which order: the tier by the task's mode, the caller's wishes, routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep
from workers.context import TaskContext
from workers.gateway.routing import choose
from workers.gateway.types import ModelChoice, ModelRequest
from workers.options import Options
from workers.services import services

TIERS = {"simple": "small", "standard": "small", "complex": "medium", "supervisor": "medium", "research": "large"}


@dataclass(frozen=True)
class Route:
    """
    Attributes:
        choices: never empty.
        keys: the tenant's own, by provider.
        events: what is to be told of the choice.
    """

    choices: Sequence[ModelChoice]
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    events: Sequence[JSON] = ()


async def route(step: ClaimedStep, task: TaskContext, request: ModelRequest, options: Options) -> Route:
    """
    A tier or model that the caller names goes before the mode's.

    Raises:
        NoModel, PriceUnknown.
    """
    tier = options.tier or TIERS[task.mode]
    found = choose(services().catalogue, tier, override=options.model, provider=options.provider)
    return Route(found)
