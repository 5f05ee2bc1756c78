"""The only door to models: `complete(request) -> reply`, and `embed` for vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Protocol, TypeVar, runtime_checkable

import structlog
from jsonschema import Draft202012Validator

from workers.gateway.answer import bare, fault, rules_of
from workers.gateway.catalogue import Catalogue
from workers.gateway.clients import Clients, FixedClients, ModelProvider, not_configured
from workers.gateway.errors import ModelReplyInvalid, ModelTimeout, NoModel
from workers.gateway.resilience import GuardOf, Limits, LocalGuards
from workers.gateway.sdks import sdk_loaded
from workers.gateway.tokens import BoundUsage
from workers.gateway.types import EmbedReply, EmbedRequest, ModelReply, ModelRequest

T = TypeVar("T")

log = structlog.get_logger()
WAIT_SHARE = 0.5  # of a call's time may be spent waiting for its turn


@runtime_checkable
class Embedding(Protocol):
    """A provider that has embedding models."""

    async def embed(self, request: EmbedRequest) -> EmbedReply: ...


class Gateway:
    """
    Args:
        providers: by name; those of the catalogue that are configured. Clients that follow it, or the same for good.
        current: the catalogue as it is now, asked before each call, so that changed limits take effect.
        guard_of: the limits of a provider for an API key, asked before each call; by default those of this process alone.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        providers: Mapping[str, ModelProvider] | Clients,
        *,
        current: Callable[[], Catalogue] | None = None,
        guard_of: GuardOf | None = None,
    ) -> None:
        self._current = current or (lambda: catalogue)
        self._clients = FixedClients(providers) if isinstance(providers, Mapping) else providers
        self._guard_of = guard_of or LocalGuards()

    async def complete(self, request: ModelRequest) -> ModelReply:
        """
        `request.timeout_s` covers everything, waiting for a turn included. Cancelling closes the connection.

        Raises:
            ModelError: its `sent` tells whether it may be billed, its `kind` whether to try again.
        """
        guard = await self._ready(request)
        rules = None if request.schema is None else rules_of(request.schema)
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        with self._clients.lend(request.provider, own_key=request.api_key is not None) as provider:
            async with guard.call(wait_s=request.timeout_s * WAIT_SHARE):
                if request.on_sending:
                    request.on_sending()
                reply = await _in_time(provider.complete(request), request, deadline)
        return _checked(reply, rules)

    async def embed(self, request: EmbedRequest) -> EmbedReply:
        """
        Under the same limits as `complete`. The vectors are finite, of one length, and as many as the texts.

        Raises:
            ModelError.
        """
        guard = await self._ready(request)
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        with self._clients.lend(request.provider, own_key=request.api_key is not None) as provider:
            if not isinstance(provider, Embedding):
                raise NoModel(f"The provider {request.provider} makes no embeddings")
            async with guard.call(wait_s=request.timeout_s * WAIT_SHARE):
                if request.on_sending:
                    request.on_sending()
                reply = await _in_time(provider.embed(request), request, deadline)
        return _vectors_checked(reply, request)

    def down(self) -> set[str]:
        """Providers that are left alone now, as this process knows."""
        return self._guard_of.down()

    async def close(self) -> None:
        await self._clients.close()

    async def _ready(self, request: ModelRequest | EmbedRequest) -> Limits:
        """
        The limits that the call keeps to.

        Raises:
            NoModel: the provider is not configured.
        """
        entry = self._current().providers.get(request.provider)
        if entry is None:
            raise not_configured(request.provider)
        await sdk_loaded(entry.protocol)
        return self._guard_of(request.provider, entry, request.api_key)


async def _in_time(call: Awaitable[T], request: ModelRequest | EmbedRequest, deadline: float) -> T:
    try:
        async with asyncio.timeout_at(deadline):
            return await call
    except TimeoutError:
        message = f"{request.provider} took longer than {request.timeout_s:g} s"
        raise ModelTimeout(message, sent=True) from None


def _checked(reply: ModelReply, rules: Draft202012Validator | None) -> ModelReply:
    """An answer must say or ask something. Arguments that can't be read are for the agent to answer."""
    if isinstance(reply.usage, BoundUsage):
        log.warning("model.usage_missing", provider=reply.provider, model=reply.model)
    if reply.tool_calls:
        return reply
    if reply.text.strip():
        return reply if rules is None else _fitting(reply, rules)
    reason = "its tokens were used up before" if reply.finish_reason == "length" else reply.finish_reason
    message = f"{reply.model} answered with nothing ({reason})"
    raise ModelReplyInvalid(message, sent=True, usage=reply.usage)


def _vectors_checked(reply: EmbedReply, request: EmbedRequest) -> EmbedReply:
    if isinstance(reply.usage, BoundUsage):
        log.warning("model.usage_missing", provider=reply.provider, model=reply.model)
    lengths = {len(vector) for vector in reply.vectors}
    wrong = ""
    if len(reply.vectors) != len(request.texts):
        wrong = f"{len(reply.vectors)} vectors for {len(request.texts)} texts"
    elif len(lengths) > 1 or 0 in lengths or (request.dimensions and lengths - {request.dimensions}):
        wrong = f"vectors of the lengths {sorted(lengths)}"
    elif not all(isfinite(number) for vector in reply.vectors for number in vector):
        wrong = "numbers that are not finite"
    if wrong:
        raise ModelReplyInvalid(f"{reply.model} answered with {wrong}", sent=True, usage=reply.usage)
    return reply


def _fitting(reply: ModelReply, rules: Draft202012Validator) -> ModelReply:
    text = bare(reply.text)
    if wrong := fault(text, rules):
        reason = "its tokens were used up before its end" if reply.finish_reason == "length" else wrong
        message = f"{reply.model} did not answer in the JSON that was asked for: {reason}"
        raise ModelReplyInvalid(message, sent=True, usage=reply.usage)
    return replace(reply, text=text)
