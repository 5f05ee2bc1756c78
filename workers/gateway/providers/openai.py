"""OpenAI, and every server that speaks its chat protocol, through the official SDK."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import openai

from workers.gateway.errors import ModelError
from workers.gateway.providers.openai_errors import translated
from workers.gateway.providers.openai_reply import OpenAIParts
from workers.gateway.providers.sdk import NO_KEY, Opened, SdkProvider, limit
from workers.gateway.types import ModelRequest


class OpenAIProvider(SdkProvider):
    sdk_error = openai.OpenAIError
    parts = OpenAIParts

    async def open(self, request: ModelRequest) -> Opened:
        return await self.client.post(
            "/chat/completions",
            body=self._body(request),
            options={"timeout": limit(request)},
            cast_to=object,
            stream=True,
            stream_cls=openai.AsyncStream[object],
        )

    def translated(self, error: Exception) -> ModelError:
        return translated(error, provider=self.name, secret=self.key)

    @cached_property
    def client(self) -> openai.AsyncOpenAI:
        """Made with the first call, in the event loop that it will live in."""
        return openai.AsyncOpenAI(
            api_key=self.key or NO_KEY,
            base_url=self.base_url,
            max_retries=0,  # attempts are the engine's: each is recorded and held for
            http_client=openai.DefaultAioHttpClient(limits=self.limits),
        )

    def _body(self, request: ModelRequest) -> dict[str, Any]:
        """OpenAI's newer models know `max_completion_tokens` only, many other servers `max_tokens` only."""
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [{k: v for k, v in message.items() if k != "blocks"} for message in request.messages],
            "max_tokens" if self.base_url else "max_completion_tokens": request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.offered:
            body["tools"] = [{"type": "function", "function": tool} for tool in request.offered]
        if request.temperature is not None:
            body["temperature"] = request.temperature
        return body
