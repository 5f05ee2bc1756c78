"""One answer of a model for a step: candidates in their order, each call through the gate with a hold of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from django.conf import settings

from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, Granted, HoldRequest, Saving, Settlement, event
from workers.answer_cache.asked import Asked
from workers.answer_cache.once import answer_once
from workers.beats import Beats
from workers.context import TaskContext
from workers.decide import FOR_A_SUMMARY
from workers.deltas import Speaker
from workers.gate import SLACK_S, Call, pass_gate
from workers.gateway.errors import ModelError
from workers.gateway.tokenizers import tokenizer_for
from workers.gateway.tokens import prompt_upper_bound
from workers.gateway.types import Message, ModelChoice, ModelReply, ModelRequest, Purpose, ToolSpec, Usage
from workers.model_told import Answered, policy_input, prompt_told, subject, versions
from workers.options import Options
from workers.race import Hedge, Race
from workers.routes import Route, route, usual_tier
from workers.services import services


async def ask_model(
    step: ClaimedStep,
    beats: Beats,
    task: TaskContext,
    *,
    purpose: Purpose,
    query: str,
    messages: Sequence[Message],
    tools: Sequence[ToolSpec] = (),
    may_call: bool = True,
    subtasks: int | None = None,
    options: Options | None = None,
) -> Answered:
    """
    Raises:
        PolicyDenied, BudgetExceeded: nothing was sent.
        ModelError: every candidate failed.
    """
    options = options or Options.of_task(task.context)
    request = ModelRequest(
        purpose=purpose,
        provider="",
        model="",
        messages=messages,
        query=query,
        files=task.files,
        tools=tools,
        may_call=may_call,
        subtasks=subtasks,
        temperature=options.temperature,
        schema=options.schema,
        cache=options.cache,
        timeout_s=options.timeout_s or settings.MODEL_TIMEOUT_S,
    )

    async def ask(left_s: float) -> Answered:
        going = replace(request, timeout_s=left_s)
        found = await route(step, task, going, options)
        answered = await _Asking(step, beats, task, going, options, found).run()
        return replace(answered, degraded=found.degraded)

    return await answer_once(Asked(step, task, request, options, usual_tier(task, options)), beats, ask)


class _Asking:
    """The calls that one answer takes."""

    def __init__(
        self, step: ClaimedStep, beats: Beats, task: TaskContext, request: ModelRequest, options: Options, found: Route
    ) -> None:
        self._step, self._beats, self._task = step, beats, task
        self._request, self._options, self._route = request, options, found
        self._choices = beats.candidates(found.choices, subject)
        self._speaker = Speaker(step)
        self._spoke = self._announced = False
        self._told = list(found.events)
        asks = [partial(self._ask, choice) for choice in self._choices]
        self._race: Race[Answered] = Race(asks, self._hedge())

    async def run(self) -> Answered:
        try:
            return await self._race.run()
        except ModelError as error:  # it is told as the step's own
            self._beats.untold += [told for told in self._told if told["message"] != str(error)]
            raise
        finally:
            self._speaker.stop()

    def _hedge(self) -> Hedge | None:
        """After the time that the caller names; else when it is slow for that model, if that is known."""
        if not self._options.hedge or len(self._choices) < 2:
            return None
        if (named := self._options.hedge_s) is not None:
            return Hedge(named, self._silent)
        usual = services().statistics.of(self._choices[0].provider, self._choices[0].model).slow_s
        services().hedges.earn()
        return None if usual is None else Hedge(usual, self._silent, lambda late: services().hedges.take(urgent=late))

    def _silent(self) -> bool:
        return not self._spoke

    async def _ask(self, choice: ModelChoice, beside: bool) -> Answered:
        number = self._beats.next_call()
        request = replace(
            self._request,
            provider=choice.provider,
            model=choice.model,
            effort=self._options.effort if "reasoning" in choice.capabilities else None,
            api_key=self._route.keys.get(choice.provider),
        )
        hold = _hold(choice, request, self._options, number, beside)
        call = Call(
            point="model_call",
            subject=subject(choice) + (FOR_A_SUMMARY if request.purpose == "summarise" else ""),
            policy_input=self._policy_input(choice, hold),
            timeout_s=hold.seconds,
            hold=hold,
            announce=self._announce(choice, number, beside),
            send=partial(self._send, choice, request, number),
        )
        reply = await pass_gate(call, self._beats)
        self._beats.settle(Settlement(sent=True, usage=_usage(choice, reply.usage), call=number))
        if reply.usage.cached_tokens or reply.usage.cache_write_tokens:
            self._beats.savings.append(_from_cache(choice, reply.usage))
        return Answered(reply, choice.price.cost_usd(reply.usage), versions(choice, request))

    async def _send(self, choice: ModelChoice, request: ModelRequest, number: int, granted: Granted) -> ModelReply:
        self._beats.waiting(number)
        going = replace(request, max_tokens=granted.tokens)
        try:
            return await self._watched(choice, going, number)
        except ModelError as error:
            usage = _usage(choice, error.usage) if error.usage else None
            self._beats.settle(Settlement(sent=error.sent, usage=usage, call=number, error=error.code))
            self._told.append(_failed(self._step, choice, error))
            raise

    async def _watched(self, choice: ModelChoice, request: ModelRequest, number: int) -> ModelReply:
        """
        How it does is counted, for routing: from when its turn has come, unless it was not sent or is stopped. An answer
        that is of no use to its caller says nothing about the model: all tenants' calls are counted together.
        """
        seen, began, ok = services().statistics, time.monotonic(), None
        first: list[float] = []

        def sending() -> None:
            nonlocal began
            began = time.monotonic()
            self._beats.sending(number)
            self._race.asked()

        async def heard(piece: str) -> None:
            if not first:
                first.append(time.monotonic() - began)
            await self._heard(piece)

        call = seen.began(choice.provider, choice.model)
        try:
            reply = await services().gateway.complete(replace(request, on_delta=heard, on_sending=sending))
            ok = True
            return reply
        except ModelError as error:
            ok = False if error.outage else None
            raise
        finally:
            seen.ended(call, time.monotonic() - began, ok, first_s=first[0] if first else None)

    async def _heard(self, piece: str) -> None:
        """Two that answer at once can't both be heard; the one that wins is read as a whole."""
        if self._race.running == 1:
            self._spoke = True
            # a completion says whether anybody listens; a summary is for nobody
            if self._request.purpose != "summarise" and self._step.input.get("stream", True):
                self._speaker.say(piece)

    def _policy_input(self, choice: ModelChoice, hold: HoldRequest) -> JSON:
        worst = hold.prompt_tokens * hold.input_usd + hold.max_tokens * hold.output_usd
        return policy_input(self._step, self._task, choice, max_tokens=hold.max_tokens, worst_usd=worst)

    def _announce(self, choice: ModelChoice, number: int, beside: bool) -> list[JSON]:
        """The prompt is told once. What is said of failures goes with the next call, or with the step's own failure."""
        told, self._told = self._told, []
        if not self._announced:
            self._announced = True
            return [*told, *prompt_told(self._step, choice, self._request)]
        return [*told, _asked_next(self._step, choice, beside)]


def _usage(choice: ModelChoice, usage: Usage) -> JSON:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "usd": str(choice.price.cost_usd(usage)),
    }


def _from_cache(choice: ModelChoice, usage: Usage) -> Saving:
    """Against the same prompt without the provider's cache."""
    plain = Usage(usage.prompt_tokens, usage.completion_tokens)
    usd = choice.price.cost_usd(plain) - choice.price.cost_usd(usage)
    return Saving("provider_cache", choice.provider, choice.model, tokens=0, usd=usd)


def _hold(choice: ModelChoice, request: ModelRequest, options: Options, number: int, beside: bool) -> HoldRequest:
    wanted = min(options.max_tokens or settings.COMPLETION_TOKENS, choice.max_output_tokens)
    return HoldRequest(
        purpose=request.purpose,
        provider=choice.provider,
        model=choice.model,
        prompt_tokens=prompt_upper_bound(
            request.messages,
            request.tools,
            request.schema,
            model=choice.model,
            count=tokenizer_for(choice.provider, choice.model),
        ),
        max_tokens=wanted,
        least_tokens=min(settings.COMPLETION_TOKENS_LEAST, wanted),
        input_usd=_dearest_input(choice, request),
        output_usd=choice.price.output_usd,
        seconds=request.timeout_s + SLACK_S,
        least_seconds=1,
        call=number,
        tier=choice.tier,
        hedge=beside,
    )


def _dearest_input(choice: ModelChoice, request: ModelRequest) -> Decimal:
    """What goes into a provider's cache costs more than what is only read; some write to it unasked."""
    price = choice.price
    written = [price.cache_write_usd, price.cache_write_1h_usd if request.cache == "1h" else None]
    return max(price.input_usd, *(usd for usd in written if usd is not None), Decimal(0))


def _failed(step: ClaimedStep, choice: ModelChoice, error: ModelError) -> JSON:
    payload = {"step": step.n, "attempt": step.fence, "provider": choice.provider, "model": choice.model}
    return event("ERROR_OCCURRED", agent=step.agent, message=str(error), payload={**payload, "code": error.code})


def _asked_next(step: ClaimedStep, choice: ModelChoice, beside: bool) -> JSON:
    why = "The model before takes long" if beside else "The model before failed"
    payload = {
        "step": step.n,
        "attempt": step.fence,
        "provider": choice.provider,
        "model": choice.model,
        "hedge": beside,
    }
    return event("ERROR_RECOVERY", agent=step.agent, message=f"{why}: {subject(choice)} is asked", payload=payload)
