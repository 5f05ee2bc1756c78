"""The step behind POST /v1/embeddings: vectors for texts, by one model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from functools import partial

from django.conf import settings

from policies import inputs
from webapp.agent_tasks.rules import AgentState
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.completions import EMBED
from webapp.orchestration.steps import ClaimedStep, Completion, Granted, HoldRequest, Settlement
from workers.beats import Beats
from workers.context import alone
from workers.gate import Call, pass_gate
from workers.gateway.catalogue import Catalogue
from workers.gateway.entries import Pick
from workers.gateway.errors import ModelError, NoModel
from workers.gateway.tokens import prompt_upper_bound
from workers.gateway.types import EmbedReply, EmbedRequest, ModelChoice, Usage
from workers.model_call import SLACK_S
from workers.policy_inputs import principal_of, task_of
from workers.process import handles
from workers.services import services
from workers.tenant_keys import own_keys
from workers.thinking import left_in
from workers.vectors import packed, packed_bytes

MOST_DIMENSIONS = 4096  # of a model of which they are not known
AROUND_BYTES = 1024  # what an output has besides the vectors


class EmbeddingsTooMany(HartleyError):
    """The vectors would not fit into the step's row; nothing was sent."""

    code = "embeddings.too_many"

    def __init__(self, *, most: int, dimensions: int) -> None:
        super().__init__(f"input: may have at most {most} texts at {dimensions} dimensions; send the others apart")


@handles(EMBED)
async def embed(step: ClaimedStep, beats: Beats) -> Completion:
    asked = step.input
    texts, wanted = asked["texts"], asked.get("dimensions")
    keys = await own_keys(step.tenant)
    choice = _choose(services().catalogue, asked.get("model"), keys)
    _check_room(choice, len(texts), wanted)
    request = EmbedRequest(
        provider=choice.provider,
        model=choice.model,
        texts=texts,
        dimensions=wanted,
        api_key=keys.get(choice.provider),
        timeout_s=settings.MODEL_TIMEOUT_S,
    )
    hold = _hold(choice, request, beats.next_call())

    async def send(_granted: Granted) -> EmbedReply:
        beats.waiting(hold.call)
        try:
            return await services().gateway.embed(replace(request, on_sending=partial(beats.sending, hold.call)))
        except ModelError as error:
            usage = _usage(choice, error.usage) if error.usage else None
            beats.settle(Settlement(sent=error.sent, usage=usage, call=hold.call, error=error.code))
            raise

    call = Call(
        point="model_call",
        subject=f"{choice.provider}/{choice.model}",
        policy_input=_policy_input(step, choice, hold),
        timeout_s=hold.seconds,
        hold=hold,
        send=send,
    )
    reply = await pass_gate(call, beats)
    beats.settle(Settlement(sent=True, usage=_usage(choice, reply.usage), call=hold.call))
    return Completion(step, output=_output(choice, reply, texts), inner=left_in(AgentState.COMPLETED, before=None))


def _choose(catalogue: Catalogue, model: str | None, own: Collection[str]) -> ModelChoice:
    """
    The first of the catalogue's list, or the model of this name. No other takes its place when it fails: the vectors of
    two models can't be compared.

    Raises:
        NoModel, PriceUnknown.
    """
    usable = [name for name, entry in catalogue.providers.items() if entry.configured or name in own]
    listed = [pick for pick in catalogue.embeddings if pick.provider in usable and model in (None, pick.model)]
    named = [Pick(provider=name, model=model) for name in usable if model and _embeds(catalogue, name, model)]
    for pick in (*listed, *named):
        return catalogue.choice(pick.provider, pick.model, "embeddings")
    raise NoModel(f"No configured provider has {f'the embedding model {model}' if model else 'an embedding model'}")


def _embeds(catalogue: Catalogue, provider: str, model: str) -> bool:
    known = catalogue.providers[provider].models.get(model)
    return known is not None and "embeddings" in known.capabilities


def _check_room(choice: ModelChoice, texts: int, wanted: int | None) -> None:
    """
    Raises:
        EmbeddingsTooMany
    """
    known = services().catalogue.providers[choice.provider].models.get(choice.model)
    dimensions = wanted or (known.dimensions if known else None) or MOST_DIMENSIONS
    most = (settings.OUTPUT_LIMIT_BYTES - AROUND_BYTES) // packed_bytes(dimensions)
    if texts > most:
        raise EmbeddingsTooMany(most=most, dimensions=dimensions)


def _hold(choice: ModelChoice, request: EmbedRequest, number: int) -> HoldRequest:
    """Each text counts like a message. There is no completion."""
    return HoldRequest(
        purpose="embed",
        provider=choice.provider,
        model=choice.model,
        prompt_tokens=prompt_upper_bound([{"role": "user", "content": text} for text in request.texts], ()),
        input_usd=choice.price.input_usd,
        output_usd=choice.price.output_usd,
        seconds=request.timeout_s + SLACK_S,
        least_seconds=1,
        call=number,
        tier=choice.tier,
    )


def _policy_input(step: ClaimedStep, choice: ModelChoice, hold: HoldRequest) -> JSON:
    """Modules expect at least one completion token of every call."""
    return dict(
        inputs.model_call(
            principal=principal_of(step),
            task=task_of(step, alone(step.description)),
            provider=choice.provider,
            model=choice.model,
            tier=choice.tier,
            max_tokens=1,
            worst_usd=float(hold.prompt_tokens * hold.input_usd),
        )
    )


def _usage(choice: ModelChoice, usage: Usage) -> JSON:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": 0,
        "cached_tokens": usage.cached_tokens,
        "usd": str(choice.price.cost_usd(usage)),
    }


def _output(choice: ModelChoice, reply: EmbedReply, texts: list[str]) -> JSON:
    return {
        "provider": reply.provider,
        "model": reply.model,
        "vectors": [packed(vector) for vector in reply.vectors],
        "versions": {
            "prompt_sha256": hashlib.sha256(json.dumps(texts).encode()).hexdigest(),
            "input_usd": format(choice.price.input_usd, "f"),
            "output_usd": format(choice.price.output_usd, "f"),
        },
    }
