"""Anthropic, and every server that speaks its messages protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import anthropic

from workers.gateway.providers.anthropic_messages import conversation, tools
from workers.gateway.providers.anthropic_reply import collect
from workers.gateway.providers.sdk import NO_KEY, SdkProvider
from workers.gateway.types import ModelReply, ModelRequest


class AnthropicProvider(SdkProvider):
    """Its `base_url` is without /v1."""

    @cached_property
    def client(self) -> anthropic.AsyncAnthropic:
        return anthropic.AsyncAnthropic(
            api_key=self._key or NO_KEY,
            base_url=self._base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=anthropic.DefaultAioHttpClient(limits=self.limits),
        )

    async def open(self, request: ModelRequest) -> Any:
        return await self.client.messages.create(**self._arguments(request))

    async def collect(self, stream: Any, request: ModelRequest) -> ModelReply:
        return await collect(stream, request)

    def _arguments(self, request: ModelRequest) -> dict[str, Any]:
        system, messages = conversation(request.messages)
        arguments: dict[str, Any] = {
            "model": request.model,
            "messages": messages,
            "max_tokens": request.max_tokens,
            "stream": True,
            "timeout": self.timeout(request),
        }
        if system:
            arguments["system"] = system
        if request.tools:
            arguments["tools"] = tools(request.tools)
        if request.temperature is not None:
            arguments["temperature"] = request.temperature
        return arguments
