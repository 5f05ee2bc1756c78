"""Is there an answer already, or is somebody asking for it now? Else a model is asked, and its answer kept."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from django.conf import settings

from webapp.tenants.models import AnswerCaching
from workers.answer_cache.asked import Asked, Hit
from workers.answer_cache.cached import Cached
from workers.answer_cache.key import answer_key, scope_key
from workers.answer_cache.rules import may_share, worth_keeping
from workers.answer_cache.semantic import LookUp, Question, question_of
from workers.answer_cache.serve import serve
from workers.answer_cache.shelf import Place
from workers.answer_cache.wishes import Wishes, wishes_of
from workers.beats import Beats
from workers.model_told import Answered
from workers.services import services
from workers.tenant_tools import tools_of
from workers.toolbox.errors import ToolUnknown
from workers.toolbox.registry import OWN_NAMES, Registry

Ask = Callable[[float], Awaitable[Answered]]  # told how many seconds each of its calls has
WAIT_SHARE = 0.5  # of a call's time may be spent on the wait for another's
LEAST_S = 1.0


async def answer_once(asked: Asked, beats: Beats, ask: Ask) -> Answered:
    """
    Raises:
        What `ask` raises, and StepLost.
    """
    if beats.replays:
        hit = beats.recorded_hit()
        return (await serve(asked, beats, hit) if hit else None) or await ask(asked.request.timeout_s)
    wishes = await _shared(asked)
    if wishes is None:
        return await ask(asked.request.timeout_s)
    return await _Once(asked, beats, ask, wishes).run()


async def _shared(asked: Asked) -> Wishes | None:
    """None: this call neither takes an earlier answer nor leaves one."""
    if not settings.ANSWER_CACHE_S or not asked.options.use_cache:
        return None
    acts = partial(_acts, await tools_of(asked.step.tenant))
    if not may_share(asked.request, acts=acts, temperature_most=settings.CACHE_TEMPERATURE_MOST):
        return None
    wishes = await wishes_of(asked.step.tenant)
    return None if wishes.mode == AnswerCaching.OFF else wishes


def _acts(tools: Registry, tool: str) -> bool:
    if tool in OWN_NAMES:
        return False
    try:
        return tools.get(tool).effect == "acts"
    except ToolUnknown:
        return True


class _Once:
    def __init__(self, asked: Asked, beats: Beats, ask: Ask, wishes: Wishes) -> None:
        self._asked, self._beats, self._ask, self._wishes = asked, beats, ask, wishes
        self._place = Place(asked.step.tenant, answer_key(asked.step.tenant, asked.request, asked.wanted))
        self._answers = services().answers
        self._began = time.monotonic()

    async def run(self) -> Answered:
        if self._asked.again:
            return await self._kept(await self._missed())
        found = await self._answers.find(self._place, _now())
        if found and (answered := await self._served(Hit(found.cached, "exact", found.level))):
            return answered
        return await self._with_others()

    async def _with_others(self) -> Answered:
        limit_s = min(self._asked.request.timeout_s, self._asked.step.timeout_s or self._asked.request.timeout_s)
        async with self._answers.flights.join(self._place, wait_s=WAIT_SHARE * limit_s) as flight:
            if flight.brought:
                answered = await self._served(Hit(flight.brought, "single_flight", flight.level))
                if answered:
                    return answered
            look_up = self._look_up()
            if look_up and (answered := await self._alike(look_up)):
                return answered  # who waits looks for itself: what is near to one is near to the other
            answered = await self._missed()
            flight.landed(worth := worth_sharing(answered))
            if look_up and worth:
                await look_up.keep(worth)
            return await self._kept(answered)

    def _look_up(self) -> LookUp | None:
        text = question_of(self._asked.request) if self._wishes.mode == AnswerCaching.SEMANTIC else None
        if text is None:
            return None
        asked = self._asked
        scope = scope_key(asked.step.tenant, asked.request, asked.wanted)
        return LookUp(Question(asked.step, asked.task, scope, text))

    async def _alike(self, look_up: LookUp) -> Answered | None:
        found = await look_up.find(self._beats)
        if found is None:
            return None
        more = {"similarity": round(found.similarity, 4), "question": found.question}
        return await self._served(Hit(found.cached, "semantic", "postgres", more))

    async def _missed(self) -> Answered:
        """Neither an equal call nor an alike question was answered: a model is asked."""
        waited_s = int(time.monotonic() - self._began)  # whole seconds: the look itself is no wait
        return await self._ask(max(LEAST_S, self._asked.request.timeout_s - waited_s))

    async def _served(self, hit: Hit) -> Answered | None:
        if f"{hit.cached.provider}/{hit.cached.model}" in self._wishes.frozen:
            return None
        return await serve(self._asked, self._beats, hit)

    async def _kept(self, answered: Answered) -> Answered:
        if cached := worth_sharing(answered):
            await self._answers.keep(self._place, cached, _now())
        return answered


def worth_sharing(answered: Answered) -> Cached | None:
    """What others may have of it: nothing of an answer that was cut, or that a lesser model gave, or none at all."""
    provider = services().catalogue.providers.get(answered.reply.provider)
    if answered.degraded or provider is None or provider.local or not worth_keeping(answered.reply):
        return None
    return Cached.of(answered.reply, cost_usd=answered.cost_usd, answered_at=_now())


def _now() -> datetime:
    return datetime.now(UTC)
