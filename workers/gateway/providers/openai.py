"""OpenAI, and every server that speaks its chat protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import openai

from workers.gateway.providers.openai_reply import collect
from workers.gateway.providers.sdk import NO_KEY, SdkProvider
from workers.gateway.types import ModelReply, ModelRequest


class OpenAIProvider(SdkProvider):
    @cached_property
    def client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            api_key=self._key or NO_KEY,
            base_url=self._base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=openai.DefaultAioHttpClient(limits=self.limits),
        )

    async def open(self, request: ModelRequest) -> Any:
        return await self.client.chat.completions.create(**self._arguments(request))

    async def collect(self, stream: Any, request: ModelRequest) -> ModelReply:
        return await collect(stream, request)

    def _arguments(self, request: ModelRequest) -> dict[str, Any]:
        """OpenAI's newer models know `max_completion_tokens` only, many other servers `max_tokens` only."""
        arguments: dict[str, Any] = {
            "model": request.model,
            "messages": list(request.messages),
            "max_tokens" if self._base_url else "max_completion_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            "timeout": self.timeout(request),
        }
        if request.tools:
            arguments["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
        if request.temperature is not None:
            arguments["temperature"] = request.temperature
        return arguments
