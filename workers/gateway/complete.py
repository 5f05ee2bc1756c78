"""The only door to models: `complete(request) -> reply`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from workers.gateway.catalogue import Catalogue
from workers.gateway.errors import ModelReplyInvalid, NoModel
from workers.gateway.resilience import Guard
from workers.gateway.types import ModelReply, ModelRequest


class ModelProvider(Protocol):
    async def complete(self, request: ModelRequest) -> ModelReply: ...


class Gateway:
    def __init__(self, catalogue: Catalogue, providers: Mapping[str, ModelProvider]) -> None:
        self._providers = providers
        self._guards = {name: Guard(catalogue.providers[name]) for name in providers}

    async def complete(self, request: ModelRequest) -> ModelReply:
        """
        Raises:
            ModelError: its `sent` tells whether it may be billed, its `kind` whether to try again. NoModel.
        """
        if request.provider not in self._providers:
            raise NoModel(f"{request.provider} is not configured")
        async with self._guards[request.provider].call():
            return _checked(await self._providers[request.provider].complete(request))


def _checked(reply: ModelReply) -> ModelReply:
    if not reply.text.strip() and not reply.tool_calls:
        raise ModelReplyInvalid(f"{reply.model} answered with nothing ({reply.finish_reason})", sent=True)
    return reply
