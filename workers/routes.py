"""Which models may answer a step's call, in which order: the tier by the task's mode, the caller's wishes, routing.

While much fails, less is asked for: what docs/routing.md says of degradation.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webapp.agent_sessions.window import CHARS_PER_TOKEN
from webapp.common.values import JSON
from webapp.orchestration.complexity import TIERS
from webapp.orchestration.steps import ClaimedStep, event
from workers.context import TaskContext
from workers.gateway.degradation import Level, Signs, degraded_mode, degraded_tier, explained, level_of
from workers.gateway.routing import Wish, choose, weigh
from workers.gateway.types import ModelChoice, ModelRequest
from workers.options import Options
from workers.services import services
from workers.tenant_keys import own_keys

_turns = itertools.count()


@dataclass(frozen=True)
class Route:
    """
    Attributes:
        choices: never empty.
        keys: the tenant's own, by provider.
        events: what is to be told of the choice.
        degraded: they are of a lesser tier than usual.
    """

    choices: Sequence[ModelChoice]
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    events: Sequence[JSON] = ()
    degraded: bool = False


async def route(step: ClaimedStep, task: TaskContext, request: ModelRequest, options: Options) -> Route:
    """
    A tier or model that the caller names goes before the mode's, and is not degraded.

    Raises:
        NoModel, PriceUnknown.
    """
    usual = usual_tier(task, options)
    signs = signs_now()
    tier = usual if options.tier or options.model else degraded_tier(usual, level_of(signs))
    keys = await own_keys(step.tenant)
    found = choose(
        services().catalogue,
        tier,
        override=options.model,
        provider=options.provider,
        needs=needs_of(request),
        strategy=options.strategy,
        stats=services().statistics.of,
        down=services().gateway.down(),
        own_keys=keys,
        prompt_tokens=sum(len(m["content"] or "") for m in request.messages) // CHARS_PER_TOKEN,
        turn=next(_turns),
    )
    events = [] if tier == usual else [_degraded(step, task.mode, usual, signs)]
    return Route(found, keys, events, degraded=tier != usual)


def usual_tier(task: TaskContext, options: Options) -> str:
    return options.tier or TIERS[task.mode]


async def contexts_of(step: ClaimedStep, task: TaskContext, options: Options) -> list[int]:
    """In tokens, of the models that may answer, as far as they are known; the same whatever is down at the moment."""
    keys = await own_keys(step.tenant)
    wish = Wish(options.tier or TIERS[task.mode], options.model, options.provider, own_keys=keys)
    fitting, _ = weigh(services().catalogue, wish)
    return [choice.context_tokens for choice in fitting if choice.context_tokens]


def needs_of(request: ModelRequest) -> set[str]:
    parts = [part["type"] for message in request.messages for part in message.get("parts", ())]
    wanted = {"vision": "image" in parts, "files": "file" in parts, "tools": bool(request.tools)}
    return {need for need, is_so in wanted.items() if is_so}


def signs_now() -> Signs:
    """
    As this process has seen it, of all tenants. How long answers take to begin counts only while something fails: many
    models take their time when all is well.
    """
    overall = services().statistics.overall()
    down, error_rate = services().gateway.down(), 1 - overall.success_rate
    failing = level_of(Signs(len(down), error_rate)) > Level.NONE
    return Signs(len(down), error_rate, overall.first_s if failing else None)


def planned_mode(step: ClaimedStep, task: TaskContext) -> tuple[str, list[JSON]]:
    """The mode to plan for, and what is to be told when that is less than the task's."""
    signs = signs_now()
    mode = degraded_mode(task.mode, level_of(signs))
    return mode, [] if mode == task.mode else [_degraded(step, task.mode, TIERS[task.mode], signs)]


def _degraded(step: ClaimedStep, mode: str, tier: str, signs: Signs) -> JSON:
    payload = {"step": step.n, "degradation": str(level_of(signs)), "open_breakers": signs.open_breakers}
    return event("WARNING", agent=step.agent or step.kind, message=explained(mode, tier, signs), payload=payload)
