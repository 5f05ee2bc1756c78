"""One embedding call for a step, through the gate with a hold of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from functools import partial

from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep, Granted, HoldRequest, Settlement
from workers.beats import Beats
from workers.context import EMBED_TIER, TaskContext
from workers.gate import SLACK_S, Call, pass_gate
from workers.gateway.catalogue import Catalogue
from workers.gateway.entries import Pick
from workers.gateway.errors import ModelError, NoModel
from workers.gateway.tokens import prompt_upper_bound
from workers.gateway.types import EmbedReply, EmbedRequest, ModelChoice, Usage
from workers.model_told import policy_input

Send = Callable[[EmbedRequest], Awaitable[EmbedReply]]


def embedder(catalogue: Catalogue, model: str | None, own: Collection[str]) -> ModelChoice:
    """
    The first of the catalogue's list, or the model of this name. No other takes its place when it fails: the vectors of
    two models can't be compared.

    Args:
        own: providers for which the tenant has keys.
    Raises:
        NoModel, PriceUnknown.
    """
    usable = [name for name, entry in catalogue.providers.items() if entry.configured or name in own]
    listed = [pick for pick in catalogue.embeddings if pick.provider in usable and model in (None, pick.model)]
    named = [Pick(provider=name, model=model) for name in usable if model and _embeds(catalogue, name, model)]
    for pick in (*listed, *named):
        return catalogue.choice(pick.provider, pick.model, EMBED_TIER)
    raise NoModel(f"No configured provider has {f'the embedding model {model}' if model else 'an embedding model'}")


def _embeds(catalogue: Catalogue, provider: str, model: str) -> bool:
    known = catalogue.providers[provider].models.get(model)
    return known is not None and "embeddings" in known.capabilities


async def embed_texts(
    step: ClaimedStep,
    beats: Beats,
    task: TaskContext,
    choice: ModelChoice,
    request: EmbedRequest,
    *,
    number: int,
    send: Send,
) -> EmbedReply:
    """
    Args:
        number: of the call in its attempt.
        send: makes the call.
    Raises:
        PolicyDenied, BudgetExceeded, Frozen: nothing was sent.
        ModelError, CallTimeout.
    """
    hold = _hold(choice, request, number)

    async def sent(_granted: Granted) -> EmbedReply:
        beats.waiting(number)
        try:
            return await send(replace(request, on_sending=partial(beats.sending, number)))
        except ModelError as error:
            usage = _usage(choice, error.usage) if error.usage else None
            beats.settle(Settlement(sent=error.sent, usage=usage, call=number, error=error.code))
            raise

    call = Call(
        point="model_call",
        subject=f"{choice.provider}/{choice.model}",
        policy_input=embed_policy_input(step, task, choice, hold.prompt_tokens),
        timeout_s=hold.seconds,
        hold=hold,
        send=sent,
    )
    reply = await pass_gate(call, beats)
    beats.settle(Settlement(sent=True, usage=_usage(choice, reply.usage), call=number))
    return reply


def _hold(choice: ModelChoice, request: EmbedRequest, number: int) -> HoldRequest:
    """There is no completion."""
    return HoldRequest(
        purpose="embed",
        provider=choice.provider,
        model=choice.model,
        prompt_tokens=tokens_at_most(request),
        input_usd=choice.price.input_usd,
        output_usd=choice.price.output_usd,
        seconds=request.timeout_s + SLACK_S,
        least_seconds=min(1, request.timeout_s),
        call=number,
        tier=choice.tier,
    )


def tokens_at_most(request: EmbedRequest) -> int:
    """Each text counts like a message."""
    return prompt_upper_bound([{"role": "user", "content": text} for text in request.texts], ())


def embed_policy_input(step: ClaimedStep, task: TaskContext, choice: ModelChoice, tokens: int) -> JSON:
    """Modules expect at least one completion token of every call."""
    worst_usd = tokens * choice.price.input_usd
    return policy_input(step, task, choice, max_tokens=1, worst_usd=worst_usd)


def _usage(choice: ModelChoice, usage: Usage) -> JSON:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": 0,
        "cached_tokens": usage.cached_tokens,
        "usd": str(choice.price.cost_usd(usage)),
    }
