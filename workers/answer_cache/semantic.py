"""
Answers to alike questions: near by their vectors, and the same by the guard in same_question.py.

A look-up costs an embedding, with a hold and a decision of its own. Whatever goes wrong with it is a miss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import Error as DatabaseError

from webapp.common.tenancy import tenant_scope
from webapp.memory.selectors import Near, nearest
from webapp.memory.services import keep_answer
from webapp.orchestration.steps import ClaimedStep
from workers import context
from workers.answer_cache.cached import Cached
from workers.answer_cache.same_question import same_question
from workers.beats import Beats, BudgetExceeded, Frozen
from workers.context import TaskContext
from workers.decide import PolicyDenied
from workers.embed_call import embed_policy_input, embed_texts, embedder, tokens_at_most
from workers.gate import CallTimeout, allowance
from workers.gateway.errors import ModelError, PriceUnknown
from workers.gateway.types import EmbedReply, EmbedRequest, ModelChoice, ModelRequest
from workers.services import services
from workers.tenant_keys import own_keys

log = structlog.get_logger()
NEAREST = 5


@dataclass(frozen=True)
class Question:
    """What was asked, and where: `scope` is a hash of all but the question."""

    step: ClaimedStep
    task: TaskContext
    scope: str
    text: str


@dataclass(frozen=True)
class Alike:
    """`question` is the one that was answered."""

    cached: Cached
    question: str
    similarity: float


def question_of(request: ModelRequest) -> str | None:
    """The text that alone may differ; None for a call whose question is more than a text, or too long."""
    last = request.messages[-1] if request.messages else None
    if last is None or last["role"] != "user" or request.tools or request.files:
        return None
    text = last["content"]
    if not text or not text.strip() or last.get("parts") or len(text) > settings.SEMANTIC_QUESTION_CHARS:
        return None
    return text


class LookUp:
    """Of one call: finds, and after a miss keeps what a model answered, with the vector that is there by then."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._vector: Sequence[float] | None = None
        self._embedder = ""

    async def find(self, beats: Beats) -> Alike | None:
        """
        Raises:
            StepLost: the attempt is no longer ours.
        """
        try:
            await self._embed(beats)
            return self._alike(await self._nearest()) if self._vector is not None else None
        except (ModelError, PriceUnknown, CallTimeout, PolicyDenied, BudgetExceeded, Frozen) as error:
            log.info("look_up.no_vector", error=error.code)
        except DatabaseError as error:
            log.warning("look_up.failed", error=type(error).__name__)
        return None

    async def keep(self, cached: Cached) -> None:
        """Nothing without a vector: it would cost another call."""
        if self._vector is None:
            return
        try:
            await context.in_reader(lambda: self._kept(cached))
        except DatabaseError as error:
            log.warning("look_up.not_kept", error=type(error).__name__)

    async def _embed(self, beats: Beats) -> None:
        asked = self._question
        keys = await own_keys(asked.step.tenant)
        choice = embedder(services().catalogue, None, keys)
        name, known = f"{choice.provider}/{choice.model}", services().known_vectors
        vector = known.get(asked.step.tenant, name, asked.text)
        if vector is None:
            reply = await self._asked(beats, choice, keys.get(choice.provider))
            if reply is None:
                return
            vector = known.put(asked.step.tenant, name, asked.text, reply.vectors[0])
        self._vector, self._embedder = vector, f"{name}:{len(vector)}"

    async def _asked(self, beats: Beats, choice: ModelChoice, key: str | None) -> EmbedReply | None:
        """None where policy does not allow the embedding model; that is no matter to record of the answer's step."""
        asked = self._question
        request = EmbedRequest(
            provider=choice.provider,
            model=choice.model,
            texts=[asked.text],
            api_key=key,
            timeout_s=settings.SEMANTIC_EMBED_S,
        )
        told = embed_policy_input(asked.step, asked.task, choice, tokens_at_most(request))
        if await allowance("model_call", f"{choice.provider}/{choice.model}", told, beats) is None:
            return None

        async def send(going: EmbedRequest) -> EmbedReply:
            return await services().embed_batches.embed(asked.step.tenant, going)

        return await embed_texts(asked.step, beats, asked.task, choice, request, number=beats.next_look_up(), send=send)

    async def _nearest(self) -> list[Near]:
        asked, vector = self._question, self._vector or ()

        def scoped() -> list[Near]:
            with tenant_scope(asked.step.tenant):
                return nearest(
                    asked.step.tenant, scope=asked.scope, embedder=self._embedder, vector=vector, limit=NEAREST
                )

        return await context.in_reader(scoped)

    def _alike(self, found: Sequence[Near]) -> Alike | None:
        for near in found:
            if near.similarity < settings.SEMANTIC_SIMILARITY or not same_question(self._question.text, near.question):
                continue
            if cached := Cached.of_json(near.answer):
                return Alike(cached, near.question, near.similarity)
        return None

    def _kept(self, cached: Cached) -> None:
        asked = self._question
        with tenant_scope(asked.step.tenant):
            keep_answer(
                tenant=asked.step.tenant,
                scope=asked.scope,
                embedder=self._embedder,
                question=asked.text,
                vector=self._vector or (),
                answer=cached.to_json(),
                keep_s=settings.ANSWER_CACHE_S,
            )
