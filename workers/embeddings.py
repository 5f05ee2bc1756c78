"""The step behind POST /v1/embeddings: vectors for texts, by one model."""

from __future__ import annotations

import hashlib
import json

from django.conf import settings

from webapp.agent_tasks.rules import AgentState
from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.completions import EMBED
from webapp.orchestration.steps import ClaimedStep, Completion
from workers.beats import Beats
from workers.context import alone
from workers.embed_call import embed_texts, embedder
from workers.gateway.types import EmbedReply, EmbedRequest, ModelChoice
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
    choice = embedder(services().catalogue, asked.get("model"), keys)
    _check_room(choice, len(texts), wanted)
    request = EmbedRequest(
        provider=choice.provider,
        model=choice.model,
        texts=texts,
        dimensions=wanted,
        api_key=keys.get(choice.provider),
        timeout_s=settings.MODEL_TIMEOUT_S,
    )
    reply = await embed_texts(
        step,
        beats,
        alone(step.description),
        choice,
        request,
        number=beats.next_call(),
        send=services().gateway.embed,
    )
    return Completion(step, output=_output(choice, reply, texts), inner=left_in(AgentState.COMPLETED, before=None))


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
